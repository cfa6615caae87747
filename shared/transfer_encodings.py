"""Content-Transfer-Encoding: a body's bytes decoded, as far as they can be. Pure.

RFC 2045 section 6, with the broken padding, the junk and the made-up names of real mail.
"""

import binascii
import re

from shared import uuencoded

ENCODING_UNKNOWN = "encoding_unknown"
ENCODING_WRONG = "encoding_wrong"

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_JUNK_RATIO = 16
_MAX_PIECES = 10_000
_OUTSIDE = bytes(set(range(256)) - set(_ALPHABET + b"="))
_AS_IS = re.compile(r"|[78][ -]?bits?|binary|none")
_UUENCODE = {"x-uuencode", "x-uue", "uuencode", "uue"}
_SPACES_AT_END = re.compile(rb"=[ \t]++(?=\r?\n)")
_PADDING = re.compile(rb"=+[^\r\n=]*(?:[\r\n]+|\Z)|=+")


def decode(data: bytes, encoding: str) -> tuple[bytes, str | None]:
    """The decoded bytes, and an issue code where the encoding is unknown or its data are broken."""
    name = name_of(encoding)
    if name == "base64":
        return _base64(data)
    if name == "quoted-printable":
        return binascii.a2b_qp(_SPACES_AT_END.sub(b"=", data) if b"= " in data else data), None
    if name in _UUENCODE:
        decoded = uuencoded.decode(data)
        return (data, ENCODING_WRONG) if decoded is None else (decoded, None)
    return data, None if is_as_it_is(name) else ENCODING_UNKNOWN


def name_of(encoding: str) -> str:
    """The name in a field as it was stated."""
    return encoding.strip("\"' ;").lower()


def is_as_it_is(name: str) -> bool:
    """Whether a body of this encoding is not encoded."""
    return _AS_IS.fullmatch(name) is not None


def _base64(data: bytes) -> tuple[bytes, str | None]:
    return (data, ENCODING_WRONG) if is_plain(data) else from_base64(data)


def is_plain(data: bytes) -> bool:
    """Whether what is said to be base64 is not encoded at all."""
    return _outside(data) * _JUNK_RATIO > len(data) and _looks_plain(data)


def from_base64(data: bytes) -> tuple[bytes, str | None]:
    """As `decode`, of what is base64."""
    found = letters(data)
    padding = found.rstrip(b"=").count(b"=")
    if 0 < padding <= _MAX_PIECES:
        # Padding ends a line's data; encoded pieces may follow, each with its own padding.
        pieces = map(letters, _PADDING.split(data))
        return b"".join(map(_base64_letters, pieces)), ENCODING_WRONG
    found = found.translate(None, b"=")
    broken = _outside(data) or padding or len(found) % 4 == 1
    return _base64_letters(found), ENCODING_WRONG if broken else None


def letters(data: bytes) -> bytes:
    """The letters of base64 and the padding that are in it."""
    return data.translate(None, _OUTSIDE)


def _outside(data: bytes) -> int:
    """How many bytes are neither letters of base64 nor line ends."""
    return len(data.translate(None, _ALPHABET + b"=\r\n"))


def _looks_plain(data: bytes) -> bool:
    """Whether one in sixteen characters inside its lines is no letter."""
    sample = b"".join(line.strip() for line in data[:4096].split(b"\n"))
    return (len(sample) - len(sample.translate(None, _OUTSIDE))) * _JUNK_RATIO > len(sample)


def _base64_letters(found: bytes) -> bytes:
    whole = found[: len(found) - (len(found) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
