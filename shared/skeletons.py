"""A mail without its content: headers and structure, as a server lists them. Pure.

What is too large to fetch still has people, a subject and attachments with names. The structure
(RFC 3501 section 7.4.2, as nested tuples) becomes a mail whose parts are empty, so that the one
parser reads it like any other; those that are text may be filled in.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

_MAX_DEPTH = 30
_MAX_PARTS = 500
_BODY_KINDS = {(b"text", b"plain"), (b"text", b"html")}
_BASE64_LINE = 78, 57  # bytes of a line with its end, and what they decode to


class Leaf(NamedTuple):
    """A part as listed: about how many bytes it has decoded, how many as sent, and how it is sent.

    is_body: text that is not attached.
    """

    size: int
    octets: int
    encoding: str
    is_body: bool


def skeleton(
    header: bytes, structure: Any, bodies: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[bytes, dict[str, Leaf]]:
    """The mail with empty parts, and its parts by number.

    bodies: what parts hold, as sent, by number.
    """
    leaves: dict[str, Leaf] = {}
    head = header.rstrip(b"\r\n") + b"\r\n\r\n"
    if not _is_multipart(structure):
        if structure:
            leaves["1"] = _leaf(structure)
        return head + bodies.get("1", b""), leaves
    return head + b"".join(_inside(structure, "", leaves, 0, bodies)), leaves


def _inside(
    multipart: Sequence[Any],
    number: str,
    leaves: dict[str, Leaf],
    depth: int,
    bodies: Mapping[str, bytes],
) -> Iterator[bytes]:
    boundary = _parameters(_at(multipart, 2)).get(b"boundary", b"")
    for index, part in enumerate(multipart[0], 1):
        name = f"{number}{index}"
        if len(leaves) >= _MAX_PARTS or depth >= _MAX_DEPTH:
            break
        yield b"--%s\r\n%s" % (boundary, _header(part))
        if _is_multipart(part):
            yield b"\r\n"
            yield from _inside(part, f"{name}.", leaves, depth + 1, bodies)
        else:
            leaves[name] = _leaf(part)
            encoding = b"Content-Transfer-Encoding: %s\r\n" % _text(_at(part, 5))
            yield (encoding if name in bodies else b"") + b"\r\n" + bodies.get(name, b"") + b"\r\n"
    yield b"--%s--\r\n" % boundary


def _header(part: Sequence[Any]) -> bytes:
    if _is_multipart(part):
        kind = b"multipart/" + _text(_at(part, 1))
        return b"Content-Type: %s%s\r\n" % (kind, _fields(_at(part, 2)))
    kind = _text(_at(part, 0)) + b"/" + _text(_at(part, 1))
    lines = [b"Content-Type: %s%s\r\n" % (kind, _fields(_at(part, 2)))]
    if content_id := _text(_at(part, 3)):
        lines.append(b"Content-ID: %s\r\n" % content_id)
    disposition = _disposition(part)
    if disposition:
        fields = _fields(_at(disposition, 1))
        lines.append(b"Content-Disposition: %s%s\r\n" % (_text(disposition[0]), fields))
    return b"".join(lines)


def _disposition(part: Sequence[Any]) -> tuple[Any, ...]:
    found = _at(part, 8 + {b"text": 1, b"message": 3}.get(_text(_at(part, 0)).lower(), 0))
    return found if isinstance(found, tuple) else ()


def _leaf(part: Sequence[Any]) -> Leaf:
    stated = _at(part, 6)
    octets = stated if isinstance(stated, int) else 0
    encoding = _text(_at(part, 5)).decode("latin-1").lower()
    encoded, decoded = _BASE64_LINE
    size = octets * decoded // encoded if encoding == "base64" else octets
    kind = tuple(_text(_at(part, index)).lower() for index in (0, 1))
    attached = _text(next(iter(_disposition(part)), None)).lower() == b"attachment"
    return Leaf(size, octets, encoding, kind in _BODY_KINDS and not attached)


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
