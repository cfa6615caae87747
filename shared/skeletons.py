"""A mail without its content: headers and structure, as a server lists them. Pure.

What is too large to fetch still has people, a subject and attachments with names. The structure
(RFC 3501 section 7.4.2, as nested tuples) becomes a mail whose parts are empty, so that the one
parser reads it like any other.
"""

from collections.abc import Iterator, Sequence
from typing import Any

_MAX_DEPTH = 30
_MAX_PARTS = 500
_BASE64_LINE = 78, 57  # bytes of a line with its end, and what they decode to


def skeleton(header: bytes, structure: Any) -> tuple[bytes, dict[str, int]]:
    """The mail with empty parts, and about how many bytes each part has, by its number."""
    sizes: dict[str, int] = {}
    head = header.rstrip(b"\r\n") + b"\r\n\r\n"
    if not _is_multipart(structure):
        if structure:
            sizes["1"] = _size(structure)
        return head, sizes
    return head + b"".join(_inside(structure, "", sizes, 0)), sizes


def _inside(
    multipart: Sequence[Any], number: str, sizes: dict[str, int], depth: int
) -> Iterator[bytes]:
    boundary = _parameters(_at(multipart, 2)).get(b"boundary", b"")
    for index, part in enumerate(multipart[0], 1):
        name = f"{number}{index}"
        if len(sizes) >= _MAX_PARTS or depth >= _MAX_DEPTH:
            break
        yield b"--%s\r\n%s\r\n" % (boundary, _header(part))
        if _is_multipart(part):
            yield from _inside(part, f"{name}.", sizes, depth + 1)
        else:
            sizes[name] = _size(part)
            yield b"\r\n"
    yield b"--%s--\r\n" % boundary


def _header(part: Sequence[Any]) -> bytes:
    if _is_multipart(part):
        kind = b"multipart/" + _text(_at(part, 1))
        return b"Content-Type: %s%s\r\n" % (kind, _fields(_at(part, 2)))
    kind = _text(_at(part, 0)) + b"/" + _text(_at(part, 1))
    lines = [b"Content-Type: %s%s\r\n" % (kind, _fields(_at(part, 2)))]
    if content_id := _text(_at(part, 3)):
        lines.append(b"Content-ID: %s\r\n" % content_id)
    disposition = _at(part, 8 + {b"text": 1, b"message": 3}.get(_text(_at(part, 0)).lower(), 0))
    if isinstance(disposition, tuple) and disposition:
        fields = _fields(_at(disposition, 1))
        lines.append(b"Content-Disposition: %s%s\r\n" % (_text(disposition[0]), fields))
    return b"".join(lines)


def _size(part: Sequence[Any]) -> int:
    octets = _at(part, 6)
    if not isinstance(octets, int):
        return 0
    encoded, decoded = _BASE64_LINE
    return octets * decoded // encoded if _text(_at(part, 5)).lower() == b"base64" else octets


def _is_multipart(part: Any) -> bool:
    return isinstance(part, tuple) and bool(part) and isinstance(part[0], list)


def _parameters(flat: Any) -> dict[bytes, bytes]:
    if not isinstance(flat, tuple):
        return {}
    texts = [_text(item) for item in flat]
    return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=False)}


def _fields(flat: Any) -> bytes:
    quoted = (
        b'; %s="%s"' % (name, value.replace(b"\\", b"\\\\").replace(b'"', b'\\"'))
        if not name.endswith(b"*")
        else b"; %s=%s" % (name, value)
        for name, value in _parameters(flat).items()
    )
    return b"".join(quoted)


def _at(items: Any, index: int) -> Any:
    return items[index] if isinstance(items, tuple) and len(items) > index else None


def _text(value: Any) -> bytes:
    """A line end would begin a header of its own."""
    return value.replace(b"\r", b" ").replace(b"\n", b" ") if isinstance(value, bytes) else b""
