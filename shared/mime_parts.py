"""A message's MIME structure: bytes to a flat list of leaf parts. Pure.

Works on offsets into the raw bytes, from the outermost boundary inwards, so that nothing is copied,
lines are not looked at one by one and nesting costs no stack. RFC 2046 section 5.1. An attached
message is a leaf: its parts are its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared import header_fields, parameters
from shared.header_fields import Header
from shared.parameters import Parameterized

MAX_PARTS = 500
MAX_DEPTH = 30

BOUNDARY_MISSING = "boundary_missing"
TOO_DEEP = "too_deep"
TOO_MANY_PARTS = "too_many_parts"

_PLAIN = "text/plain"
_MESSAGE = "message/rfc822"
_MAX_CANDIDATES = 10_000
_MAX_FIELDS_OF_A_PART = 100
_REST_OF_DELIMITER = re.compile(rb"(--)?(?:[ \t][^\n]*)?\r*(?:\n|\Z)")
_END_OF_LINE = re.compile(rb"[ \t]*(?:\r|\n|\Z)")
_LIKE_A_DELIMITER = re.compile(
    rb"\n--([^\s-][^\r\n]{0,199}|-[^\r\n]{1,199})\r?\n(?=\r?\n|[\w-]+[ \t]*:)"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its number as IMAP counts, its header, and where its body is in the raw bytes.

    depth: how many multiparts are around it.
    """

    number: str
    header: Header
    type: Parameterized
    start: int
    end: int
    depth: int = 0


@dataclass(slots=True)
class Structure:
    """The leaves in order, the root's header, and the codes of what was odd."""

    root: Part
    leaves: list[Part] = field(default_factory=list)
    issues: dict[str, None] = field(default_factory=dict)


def read(raw: bytes) -> Structure:
    """The structure of a message, whatever the bytes: the first 500 parts, 30 levels deep."""
    issues: dict[str, None] = {}
    header = header_fields.read(raw, _first_line(raw), len(raw), issues)
    root = Part("", header, _type(header, _PLAIN, issues), header.body_start, len(raw))
    structure = Structure(root, issues=issues)
    count, stack = 0, [root]
    while stack and count < MAX_PARTS:
        part = stack.pop()
        count += 1
        children = _children(raw, part, MAX_PARTS - count, issues)
        if children:
            stack.extend(reversed(children))
        elif part is root:
            structure.leaves.append(_only_part(root))
        elif not part.type.value.startswith("multipart/"):
            structure.leaves.append(part)
    if stack:
        issues[TOO_MANY_PARTS] = None
    return structure


def _first_line(raw: bytes) -> int:
    """Behind a byte order mark and blank lines."""
    head = raw[:200].removeprefix(b"\xef\xbb\xbf")
    return min(len(raw), 200) - len(head.lstrip(b"\r\n"))


def _only_part(root: Part) -> Part:
    """The root as a leaf: a multipart without parts is read as text."""
    multipart = root.type.value.startswith("multipart/")
    kind = Parameterized(_PLAIN, root.type.parameters) if multipart else root.type
    return Part("1", root.header, kind, root.start, root.end)


def _children(raw: bytes, part: Part, limit: int, issues: dict[str, None]) -> list[Part]:
    if not part.type.value.startswith("multipart/"):
        return []
    if part.depth >= MAX_DEPTH:
        issues[TOO_DEEP] = None
        return []
    usual = _MESSAGE if part.type.value == "multipart/digest" else _PLAIN
    children = []
    for index, (start, end) in enumerate(_ranges(raw, part, limit, issues), 1):
        header = header_fields.read(raw, start, end, issues, _MAX_FIELDS_OF_A_PART)
        kind = _type(header, usual, issues)
        number = f"{part.number}.{index}" if part.number else str(index)
        children.append(Part(number, header, kind, header.body_start, end, part.depth + 1))
    return children


def _ranges(raw: bytes, part: Part, limit: int, issues: dict[str, None]) -> list[tuple[int, int]]:
    for number, boundary in enumerate(_boundaries(raw, part)):
        if ranges := _between(raw, part, boundary, limit):
            if number:
                issues[BOUNDARY_MISSING] = None
            return ranges
    issues[BOUNDARY_MISSING] = None
    return []


def _boundaries(raw: bytes, part: Part) -> Iterator[bytes]:
    """The boundary as stated, then without the spaces at its end, then the likeliest line."""
    stated = part.type.parameters.get("boundary", "").encode()
    yield from dict.fromkeys((stated, stated.strip()))
    likely = _LIKE_A_DELIMITER.search(raw, max(part.start - 1, 0), part.end)
    if likely:
        yield likely[1].rstrip()


def _between(raw: bytes, part: Part, boundary: bytes, limit: int) -> list[tuple[int, int]]:
    """The ranges between the delimiter lines, at most `limit` + 1."""
    ranges: list[tuple[int, int]] = []
    start: int | None = None
    for line_start, line_end, closing in _delimiters(raw, part, boundary):
        if start is not None:
            ranges.append((start, max(start, line_start)))
        if closing or len(ranges) > limit:
            return ranges
        start = line_end
    if start is not None:
        ranges.append((start, _unclosed_end(raw, start, part.end, boundary)))
    return ranges


def _delimiters(raw: bytes, part: Part, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line's start, end, and whether it closes (RFC 2046 section 5.1.1).

    The line end before it belongs to it. A line that goes on with something else is none.
    """
    start = b"\n--" + boundary
    position = max(part.start - 1, 0) if boundary else part.end
    for _ in range(_MAX_CANDIDATES):
        found = raw.find(start, position, part.end)
        if found < 0:
            return
        position = found + len(start)
        if rest := _REST_OF_DELIMITER.match(raw, position, part.end):
            yield found - (raw[found - 1 : found] == b"\r"), rest.end(), bool(rest[1])
            position = rest.end() - 1


def _unclosed_end(raw: bytes, start: int, end: int, boundary: bytes) -> int:
    """The end of a last part without a delimiter line: one may stand at the end of its text."""
    closing = b"--" + boundary + b"--"
    found = raw.rfind(closing, start, end)
    ends = found >= 0 and _END_OF_LINE.match(raw, found + len(closing), end)
    return found if ends else end


def _type(header: Header, usual: str, issues: dict[str, None]) -> Parameterized:
    stated = parameters.read(header.first("content-type"), issues)
    return stated if "/" in stated.value else Parameterized(usual, stated.parameters)
