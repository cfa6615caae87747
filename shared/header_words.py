"""A header's raw value as text: unfolded, encoded words and 8-bit bytes decoded. Pure.

RFC 2047, and the encoded words that senders really write: in quoted strings, without space around
them, folded inside, split inside a character, with raw bytes, a language tag (RFC 2231).
"""

import binascii
import re

from shared import charsets

MAX_WORDS = 2000

_FOLD = re.compile(rb"\r?\n[ \t]*")
# The text of a word ends at `?=`. It may hold `?` and `=`, but no `=?`: the next word begins there.
_WORD = re.compile(
    rb"=\?([^?=\s*]{1,40})(?:\*[^?\s]{0,20})?\?([bqBQ])\?"
    rb"((?:[^?=]++|=(?!\?(?!=))|\?(?!=))*+)\?="
)
_QUOTED = re.compile(rb"=([0-9a-fA-F]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_OPENERS = b"([{<\"'"


def unfold(value: bytes) -> bytes:
    """One line: each fold becomes a single space."""
    return _FOLD.sub(b" ", value).strip(b" \t\r\n")


def text(value: bytes) -> str:
    """A value as a reader sees it: one line, without control characters."""
    return one_line(decode_words(unfold(value)))


def one_line(value: str) -> str:
    """The value with each run of control characters as one space."""
    return _CONTROLS.sub(" ", value).strip()


def decode_words(value: bytes, *, space_before: bool = True) -> str:
    """Bytes with encoded words to text.

    White space between two words is dropped (RFC 2047 section 6.2), and neighbours of one charset
    are decoded together. space_before: set a word off from text that stands right before it.
    """
    if b"=?" not in value:
        return charsets.decode(value, None)[0]
    pieces: list[str] = []
    pending: list[bytes] = []
    charset = ""
    position = 0
    for number, found in enumerate(_WORD.finditer(value)):
        if number >= MAX_WORDS:
            break
        between = value[position : found.start()]
        name = found[1].decode("latin-1").lower()
        if name != charset or not position or between.strip():
            pieces.append(charsets.decode(b"".join(pending), charset)[0])
            pending = []
            if not position or between.strip():
                pieces.append(_before_word(between, space_before))
        charset = name
        pending.append(_word_bytes(found[2], found[3]))
        position = found.end()
    pieces.append(charsets.decode(b"".join(pending), charset)[0])
    pieces.append(charsets.decode(value[position:], None)[0])
    return "".join(pieces)


def _before_word(between: bytes, space_before: bool) -> str:
    last = between[-1:]
    apart = space_before and last.strip() and last not in _OPENERS
    return charsets.decode(between, None)[0] + (" " if apart else "")


def _word_bytes(encoding: bytes, encoded: bytes) -> bytes:
    if encoding in b"qQ":
        return _QUOTED.sub(lambda found: binascii.unhexlify(found[1]), encoded.replace(b"_", b" "))
    letters = _NOT_BASE64.sub(b"", encoded)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
