"""The application's certificate: PEM as a setting holds it, checked before anybody uses it. Pure.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

import re
from dataclasses import dataclass, field
from datetime import date

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """private_key and certificate as PEM; thumbprint as the registration shows it.

    expires_on: the day, in UTC, in whose course it ends.
    """

    private_key: str = field(repr=False)
    certificate: str
    thumbprint: str
    expires_on: date


def read(value: str) -> ClientCertificate:
    r"""The key and the certificate that belongs to it; line ends may be written as `\n`.

    Raises ValueError with a sentence that quotes nothing.
    """
    text = value.replace("\\n", "\n")
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text)]
    keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
    if len(keys) != 1 or not certificates:
        raise ValueError("must be PEM with a certificate and its private key")
    key = _key(keys[0])
    for pem in certificates:
        found = _certificate(pem)
        if found.public_key() == key.public_key():
            plain = found.public_bytes(Encoding.PEM).decode()
            # SHA-1 is what names it in the registration; what is signed has SHA-256.
            thumbprint = found.fingerprint(SHA1()).hex().upper()  # noqa: S303
            ends = found.not_valid_after_utc.date()
            return ClientCertificate(keys[0] + "\n", plain, thumbprint, ends)
    raise ValueError("has a private key that does not belong to its certificate")


def _key(pem: str) -> RSAPrivateKey:
    try:
        found = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("has a private key that can't be read; it must not be encrypted") from None
    if not isinstance(found, RSAPrivateKey):
        raise ValueError("must have an RSA key")
    return found


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("has a certificate that can't be read") from None
