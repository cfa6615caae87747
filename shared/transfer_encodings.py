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
    name = encoding.strip("\"' ;").lower()
    if name == "base64":
        return _base64(data)
    if name == "quoted-printable":
        return binascii.a2b_qp(_SPACES_AT_END.sub(b"=", data) if b"= " in data else data), None
    if name in _UUENCODE:
        decoded = uuencoded.decode(data)
        return (data, ENCODING_WRONG) if decoded is None else (decoded, None)
    return data, None if _AS_IS.fullmatch(name) else ENCODING_UNKNOWN


def _base64(data: bytes) -> tuple[bytes, str | None]:
    letters = data.translate(None, _OUTSIDE)
    outside = len(data) - len(letters) - data.count(b"\n") - data.count(b"\r")
    if outside * _JUNK_RATIO > len(data) and _is_plain(data):
        return data, ENCODING_WRONG
    padding = letters.rstrip(b"=").count(b"=")
    if 0 < padding <= _MAX_PIECES:
        # Padding ends a line's data; encoded pieces may follow, each with its own padding.
        pieces = (piece.translate(None, _OUTSIDE) for piece in _PADDING.split(data))
        return b"".join(map(_base64_letters, pieces)), ENCODING_WRONG
    letters = letters.translate(None, b"=")
    broken = outside or padding or len(letters) % 4 == 1
    return _base64_letters(letters), ENCODING_WRONG if broken else None


def _is_plain(data: bytes) -> bool:
    """Whether it is not encoded at all: one in sixteen characters inside its lines is no letter."""
    sample = b"".join(line.strip() for line in data[:4096].split(b"\n"))
    return (len(sample) - len(sample.translate(None, _OUTSIDE))) * _JUNK_RATIO > len(sample)


def _base64_letters(letters: bytes) -> bytes:
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
