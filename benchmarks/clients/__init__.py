"""The clients that are compared, each a process of its own: its CPU and memory are its alone.

A client reads a `Job` as JSON from stdin and prints a `Result` as JSON. Whom to trust stands in
SSL_CERT_FILE: a bundle as long as an ordinary machine's.
"""
