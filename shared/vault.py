"""Encryption at rest: AES-256-GCM with key ids, each value bound to the place it belongs to.

A sealed value is `1 | length of key id | key id | 12-byte nonce | ciphertext and tag`. The
associated data is (key id, table, account, purpose), so a value that was moved to another row
does not open. The first key encrypts, any known key decrypts.
"""

import hashlib
import hmac
import json
import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import OperatorFault

_VERSION = 1
_NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,32}\Z")


class Vault:
    """Seals and opens under the keys of ENCRYPTION_KEYS, newest first."""

    def __init__(self, keys: tuple[tuple[str, bytes], ...]) -> None:
        self.key_id = keys[0][0]
        self._ciphers = {kid: AESGCM(key) for kid, key in keys}
        self._keys = dict(keys)

    def seal(self, plain: bytes, *place: str) -> bytes:
        """Encrypts for one place: table, account, purpose."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, plain, _bound(self.key_id, place))
        kid = self.key_id.encode()
        return bytes([_VERSION, len(kid)]) + kid + nonce + sealed

    def open(self, sealed: bytes, *place: str) -> bytes:
        """Decrypts; raises OperatorFault for an unknown key id or a value that does not fit."""
        kid = key_id(sealed)
        if kid not in self._ciphers:
            raise OperatorFault("unknown_encryption_key", kid)
        body = sealed[2 + len(kid) :]
        try:
            return self._ciphers[kid].decrypt(
                body[:_NONCE_BYTES], body[_NONCE_BYTES:], _bound(kid, place)
            )
        except (InvalidTag, ValueError):
            raise OperatorFault("sealed_data_damaged", place[0]) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it, or there is nothing; raises as `key_id` does."""
        return not sealed or key_id(sealed) == self.key_id

    def keyed_hash(self, value: str, *place: str) -> str:
        """`key id:24 hex` of the value, to recognise it again without keeping it."""
        return self._hash(self.key_id, value, place)

    def keyed_hashes(self, value: str, *place: str) -> set[str]:
        """The hashes of the value under every key that is known."""
        return {self._hash(kid, value, place) for kid in self._keys}

    def _hash(self, kid: str, value: str, place: tuple[str, ...]) -> str:
        message = _bound("hash", place) + value.encode("utf-8", "surrogatepass")
        return f"{kid}:{hmac.new(self._keys[kid], message, hashlib.sha256).hexdigest()[:24]}"


def key_id(sealed: bytes) -> str:
    """The id of the key that sealed the value; raises OperatorFault where it is none of ours."""
    try:
        version, length = sealed[0], sealed[1]
        kid = sealed[2 : 2 + length].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        raise OperatorFault("sealed_data_damaged") from None
    if version != _VERSION or not _KEY_ID.match(kid):
        raise OperatorFault("sealed_data_damaged", "version or key id")
    return kid


def _bound(kid: str, place: tuple[str, ...]) -> bytes:
    return json.dumps([kid, *place]).encode()
