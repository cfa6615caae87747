"""Files that were uuencoded, into a text or as a body, as before MIME. Pure."""

import binascii
import re
from dataclasses import dataclass, field

MAX_FILES = 50

_BEGIN = re.compile(rb"(?:\A|(?<=\n))begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n")


@dataclass(frozen=True, slots=True)
class File:
    """A file as its `begin` line names it, and its bytes."""

    name: str
    data: bytes = field(repr=False)


def take_out(text: str) -> tuple[str, list[File]]:
    """The text without the files in it, and the files. Only whole ones count, at most 50."""
    if "begin " not in text:
        return text, []
    encoded = text.encode("utf-8")
    kept: list[bytes] = []
    files: list[File] = []
    position = end = 0
    while len(files) < MAX_FILES and (found := _BEGIN.search(encoded, end)):
        data, end, whole = _lines(encoded, found.end())
        if whole:
            kept.append(encoded[position : found.start()])
            files.append(File(found[1].decode("utf-8"), data))
            position = end
    return b"".join([*kept, encoded[position:]]).decode("utf-8"), files


def decode(body: bytes) -> bytes | None:
    """The bytes of the first file in a body, whole or not; None where none begins."""
    found = _BEGIN.search(body)
    return _lines(body, found.end())[0] if found else None


def _lines(data: bytes, position: int) -> tuple[bytes, int, bool]:
    """What the lines from `position` to `end` hold, where they stop, and whether `end` is there."""
    decoded = bytearray()
    while position < len(data):
        line_end = data.find(b"\n", position) + 1 or len(data)
        line = data[position:line_end].rstrip(b"\r\n ")
        if line == b"end":
            return bytes(decoded), line_end, True
        if line and line != b"`":
            size = (line[0] - 32) & 63
            try:
                decoded += binascii.a2b_uu(line[: 1 + (size + 2) // 3 * 4])
            except binascii.Error:
                break
        position = line_end
    return bytes(decoded), position, False
