"""Content-Type and Content-Disposition: a value and its parameters. Pure.

RFC 2045 section 5.1 and RFC 2231, read tolerantly: a missing semicolon or closing quote, encoded
words and raw 8-bit bytes in a parameter, segments in any order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from shared import charsets, header_words

MAX_PARAMETERS = 200
TOO_MANY_PARAMETERS = "too_many_parameters"

_VALUE = re.compile(rb"[\w!#$&+.^*-]*(?:[ \t]*/[ \t]*[\w!#$&+.^*-]+)?")
_NAME = re.compile(rb"[\s;,]*+([^\s;,=\"*]{1,100})(?:\*([0-9]{1,5}))?(\*)?[ \t]*=[ \t]*")
_QUOTED = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
# Up to the semicolon, or to the next `name=` where a semicolon was forgotten.
_BARE = re.compile(rb"(?:[^;\s]++|\s(?![\w.-]{1,100}(?:\*[0-9]*)?\*?[ \t]*=(?!\?)))*+")
_SEPARATOR = re.compile(rb"[;\s]")
_LANGUAGE = re.compile(rb"\A[A-Za-z-]{0,20}'")
# Only what has to be escaped: elsewhere a backslash is one, as in `C:\TEMP\a.png`.
_ESCAPE = re.compile(rb"""\\(["'\\])""")


@dataclass(frozen=True, slots=True)
class Parameterized:
    """A value in lower case, and its parameters decoded, by name in lower case."""

    value: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Segment:
    name: str
    number: int | None
    extended: bool
    content: bytes


def read(raw: bytes | None, issues: dict[str, None]) -> Parameterized:
    """Read a field; an absent one has the value '' and no parameters.

    issues: gets `too_many_parameters` where some were left out.
    """
    if raw is None:
        return Parameterized("")
    line = header_words.unfold(raw)
    head = _VALUE.match(line)
    value = head[0] if head else b""
    parameters: dict[str, str] = {}
    parts: dict[str, dict[int, _Segment]] = {}
    for count, segment in enumerate(_segments(line, len(value))):
        if count >= MAX_PARAMETERS:
            issues[TOO_MANY_PARAMETERS] = None
            break
        if segment.number is not None or segment.extended:
            parts.setdefault(segment.name, {}).setdefault(segment.number or 0, segment)
        elif segment.name not in parameters:
            parameters[segment.name] = _text(segment.content)
    for name, segments in parts.items():
        parameters[name] = _joined([segments[number] for number in sorted(segments)])
    return Parameterized(re.sub(rb"\s", b"", value).decode("latin-1").lower(), parameters)


def _segments(line: bytes, position: int) -> Iterator[_Segment]:
    while position < len(line):
        found = _NAME.match(line, position)
        if not found:
            junk = _SEPARATOR.search(line, position + 1)
            position = junk.end() if junk else len(line)
            continue
        quoted = _QUOTED.match(line, found.end())
        bare = quoted or _BARE.match(line, found.end())
        assert bare is not None  # it matches nothing too
        content = _ESCAPE.sub(rb"\1", quoted[1]) if quoted else bare[0].strip(b'" \t')
        number = int(found[2]) if found[2] else None
        name = found[1].decode("latin-1").lower()
        yield _Segment(name, number, bool(found[3]), content)
        position = bare.end()


def _joined(segments: list[_Segment]) -> str:
    """RFC 2231 section 3: segments in their order; the first extended one has the charset."""
    charset: bytes | None = None
    data = b""
    for segment in segments:
        content = segment.content
        if segment.extended:
            if charset is None and content.count(b"'") >= 2:
                charset, _, content = content.split(b"'", 2)
            elif charset and content.startswith(charset + b"'"):
                content = _LANGUAGE.sub(b"", content[len(charset) + 1 :])  # stated once more
            content = unquote_to_bytes(content)
        data += content
    return charsets.decode(data, charset.decode("latin-1"))[0] if charset else _text(data)


def _text(content: bytes) -> str:
    return header_words.decode_words(content, space_before=False)
