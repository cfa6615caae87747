"""Client assertions: JWTs by which an application, or an identity it trusts, proves itself."""

from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "api://AzureADTokenExchange"
_CLAIMS = ["aud", "iss", "sub", "exp"]


class Untrusted(Exception):
    """Carries the AADSTS number of what is wrong."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Assertions:
    """What the registration trusts: certificates by thumbprint, identities by (issuer, subject)."""

    client_id: str
    certificates: dict[str, Any] = field(default_factory=dict)
    identities: dict[tuple[str, str], Any] = field(default_factory=dict)

    def trust_certificate(self, pem: str) -> str:
        """Adds a certificate and gives its SHA-256 thumbprint in hex."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        thumbprint = certificate.fingerprint(SHA256()).hex()
        self.certificates[thumbprint] = certificate.public_key()
        return thumbprint

    def trust_identity(self, issuer: str, subject: str, public_key: str) -> None:
        self.identities[issuer, subject] = load_pem_public_key(public_key.encode())

    def check(self, assertion: str, audience: str) -> None:
        """Raises Untrusted unless somebody whom the registration trusts has signed it."""
        try:
            thumbprint = jwt.get_unverified_header(assertion).get("x5t#S256", "")
            if thumbprint:
                self._own(assertion, jwt.utils.base64url_decode(thumbprint).hex(), audience)
            else:
                self._identity(assertion)
        except jwt.PyJWTError:
            raise Untrusted(700027) from None

    def _own(self, assertion: str, thumbprint: str, audience: str) -> None:
        key = self.certificates.get(thumbprint)
        if key is None:
            raise Untrusted(700027)
        claims = jwt.decode(
            assertion,
            key,
            algorithms=["PS256"],
            audience=audience,
            options={"require": [*_CLAIMS, "jti"]},
        )
        if claims["iss"] != self.client_id or claims["sub"] != self.client_id:
            raise Untrusted(700021)

    def _identity(self, assertion: str) -> None:
        named = jwt.decode(assertion, options={"verify_signature": False})
        key = self.identities.get((str(named.get("iss")), str(named.get("sub"))))
        if key is None:
            raise Untrusted(700213)
        jwt.decode(
            assertion, key, algorithms=["RS256"], audience=EXCHANGE, options={"require": _CLAIMS}
        )

    def reset(self) -> None:
        self.certificates.clear()
        self.identities.clear()
