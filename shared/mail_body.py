"""Which parts of a mail are its text, its html and its attachments. Pure.

Much as in RFC 8621 section 4.1.4: plain and html parts without a name are the body, wherever they
stand; all else is attached.
"""

import re
from dataclasses import dataclass, field

from shared import (
    attachment_names,
    charsets,
    flowed_text,
    header_words,
    parameters,
    transfer_encodings,
)
from shared.mime_parts import Part, Structure
from shared.parameters import Parameterized

MAX_TEXT_BYTES = 2 * 1024 * 1024

TEXT_CUT = "text_cut"
WINMAIL_DAT = "winmail_dat"

_BODY_TYPES = ("text/plain", "text/html")
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_META_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_ID = re.compile(r"[^<>\s]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attached file, decoded. id is the same whenever the same bytes are read."""

    id: str
    filename: str | None
    content_type: str
    content_id: str | None
    inline: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Body:
    """Text and html with `\\n` line ends, None where there is no such part; the attachments."""

    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]


def read(raw: bytes, structure: Structure) -> Body:
    """Sort the leaves of a message; what was odd is added to the structure's issues."""
    texts: dict[str, list[str]] = {kind: [] for kind in _BODY_TYPES}
    attachments: list[Attachment] = []
    room = MAX_TEXT_BYTES
    for part in structure.leaves:
        disposition = parameters.read(part.header.first("content-disposition"), structure.issues)
        name = _name(part, disposition)
        if part.type.value not in _BODY_TYPES or disposition.value == "attachment" or name:
            attachments.append(_attachment(raw, part, disposition.value, name, structure.issues))
            continue
        text = _text(raw, part, room, structure.issues)
        room = max(0, room - len(text))
        texts[part.type.value].append(text)
    plain, html = (_joined(texts[kind]) for kind in _BODY_TYPES)
    return Body(plain, html, tuple(attachments))


def _joined(texts: list[str]) -> str | None:
    return "\n".join(texts) if texts else None


def _name(part: Part, disposition: Parameterized) -> str | None:
    places = (disposition.parameters, part.type.parameters)
    names = (place.get(key, "") for place in places for key in ("filename", "name"))
    return next(filter(None, names), None)


def _text(raw: bytes, part: Part, room: int, issues: dict[str, None]) -> str:
    """The text of a body part, of at most `room` bytes."""
    body_end = min(part.end, part.start + 4 * room)  # no encoding makes four bytes of one
    data = _decoded(raw[part.start : body_end], part, issues)
    text, issue = charsets.decode(data[:room], _charset(part, data))
    if len(data) > room or body_end < part.end:
        issue = TEXT_CUT  # half a character at the cut says nothing about the charset
    if issue:
        issues[issue] = None
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    given = {name: value.lower() for name, value in part.type.parameters.items()}
    if given.get("format") != "flowed":
        return text
    return flowed_text.unwrap(text, delete_space=given.get("delsp") == "yes")


def _charset(part: Part, data: bytes) -> str | None:
    """The charset as the part states it, or its HTML where the part states none that is known."""
    stated = part.type.parameters.get("charset")
    if part.type.value == "text/html" and not (stated and charsets.codec(stated)):
        found = _META_CHARSET.search(data, 0, 2048)
        return found[1].decode("ascii") if found else stated
    return stated


def _attachment(
    raw: bytes, part: Part, disposition: str, name: str | None, issues: dict[str, None]
) -> Attachment:
    if part.type.value in _TNEF_TYPES:
        issues[WINMAIL_DAT] = None
    found = _ID.search(header_words.text(part.header.first("content-id") or b""))
    return Attachment(
        part.number,
        attachment_names.safe(name),
        part.type.value,
        found[0] if found else None,
        disposition == "inline" or (found is not None and disposition != "attachment"),
        _decoded(raw[part.start : part.end], part, issues),
    )


def _decoded(body: bytes, part: Part, issues: dict[str, None]) -> bytes:
    encoding = header_words.text(part.header.first("content-transfer-encoding") or b"")
    data, issue = transfer_encodings.decode(body, encoding)
    if issue:
        issues[issue] = None
    return data
