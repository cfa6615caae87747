"""id_tokens: real RS256 JWTs, and the lies that a test asked for."""

import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from .people import Person

_KEY_ID = "lab-1"


class Signer:
    """Signs id_tokens and publishes the key."""

    def __init__(self, issuer_base: str) -> None:
        self._issuer_base = issuer_base
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token_url(self, tenant: str) -> str:
        return f"{self._issuer_base}/{tenant}/oauth2/v2.0/token"

    def id_token(self, person: Person, client_id: str, nonce: str, lies: dict[str, Any]) -> str:
        """The claims of a sign-in; `lies` replaces claims, and None takes one away."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": client_id,
            "iss": f"{self._issuer_base}/{person.tid}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "sub": person.oid,
            "tid": person.tid,
            "oid": person.oid,
            "nonce": nonce,
            "preferred_username": person.username,
            "email": person.email,
            "name": person.username.partition("@")[0].title(),
            "ver": "2.0",
        }
        claims = {name: value for name, value in (claims | lies).items() if value is not None}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def jwks(self) -> dict[str, Any]:
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID}
        return {"keys": [key | {"n": _encoded(numbers.n), "e": _encoded(numbers.e)}]}


def _encoded(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
