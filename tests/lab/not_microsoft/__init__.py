"""NotMicrosoft: a stand-in for Microsoft's identity platform, for the lab and the tests.

It does what MSAL and Dovecot ask of the real one: discovery, an account picker with consent, the
token endpoint with PKCE and strict rotation of refresh tokens, errors with AADSTS numbers, and
introspection; and, under `/control/`, what no test could ask of the real one.
"""
