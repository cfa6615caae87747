"""The header block of a message or of a part: bytes to fields. Pure.

Tolerant where real mail is: mbox lines, a space before the colon, junk among the fields, a missing
blank line. RFC 5322 section 2.2, with what senders make of it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_FIELDS = 1000
MAX_FIELD_BYTES = 64 * 1024
MAX_BLOCK_BYTES = 1024 * 1024

HEADER_TOO_LONG = "header_too_long"
HEADER_MALFORMED = "header_malformed"

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_MBOX = re.compile(rb">?From ")
_BLANK = re.compile(rb"\r*(?:\n|\Z)")
_LINE_END = re.compile(rb"\n(?![ \t])")
_BLANK_LINE = re.compile(rb"\n\r*\n")


@dataclass(frozen=True, slots=True)
class Header:
    """Raw values (with their folds) by name in lower case, and the offset where the body begins."""

    values: Mapping[str, list[bytes]]
    body_start: int

    def all(self, name: str) -> list[bytes]:
        """The raw values of every field of this name, in order."""
        return self.values.get(name, [])

    def first(self, name: str) -> bytes | None:
        """The raw value of the first field of this name that is not empty."""
        return next((value for value in self.all(name) if value.strip()), None)


def read(
    raw: bytes, start: int, end: int, issues: dict[str, None], max_fields: int = MAX_FIELDS
) -> Header:
    """The header block that begins at `start`; `end` bounds it and the body behind it.

    Fields beyond the limits are left out. issues: gets `header_too_long`, `header_malformed`.
    """
    values: dict[str, list[bytes]] = {}
    count = 0
    position = start
    for line_start, line_end in _lines(raw, start, end):
        if count >= max_fields or line_start - start > MAX_BLOCK_BYTES:
            issues[HEADER_TOO_LONG] = None
            return Header(values, _after_blank_line(raw, line_start, end))
        position = line_end
        found = _FIELD.match(raw, line_start, line_end)
        if found:
            if line_end - found.end() > MAX_FIELD_BYTES:
                issues[HEADER_TOO_LONG] = None
            value = raw[found.end() : min(line_end, found.end() + MAX_FIELD_BYTES)]
            values.setdefault(found[1].decode("ascii").lower(), []).append(value)
            count += 1
        elif _BLANK.match(raw, line_start, line_end):
            return Header(values, line_end)
        elif not _MBOX.match(raw, line_start, line_end):
            issues[HEADER_MALFORMED] = None
            if not _FIELD.match(raw, line_end, end):  # no field follows: the body has begun
                return Header(values, line_start)
    return Header(values, position)


def _lines(raw: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Logical lines: each with what is folded onto it. The blank line comes alone."""
    position = start
    while position < end:
        found = _BLANK.match(raw, position, end) or _LINE_END.search(raw, position, end)
        line_end = found.end() if found else end
        yield position, line_end
        position = line_end


def _after_blank_line(raw: bytes, position: int, end: int) -> int:
    blank = _BLANK_LINE.search(raw, position, end)
    return blank.end() if blank else end
