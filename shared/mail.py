"""A mail's bytes to the data of `mail.received`. Pure: no I/O, and no bytes make it raise.

`parse` says what the mail says; `to_event` says it to a reader who has only the event: a text where
there is but html, files out of the text, what is new in a reply. Below: `mime_parts` finds the
parts, `header_fields` and `header_words` read fields, `mail_body` sorts the parts. All work is
bounded by counts and bytes, not by time. What was left out or odd is named in `issues`:

- limits: header_too_long, text_cut, too_deep, too_many_addresses, too_many_parameters,
  too_many_parts
- repaired as well as can be: boundary_missing, charset_unknown, charset_wrong, encoding_unknown,
  encoding_wrong, header_malformed
- where it came from: text_from_html, uuencoded, winmail_dat
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import (
    addresses,
    attachment_names,
    bounces,
    header_words,
    html_text,
    mail_body,
    mail_dates,
    message_ids,
    mime_parts,
    reply_text,
    uuencoded,
)
from shared.addresses import Person
from shared.bounces import Bounce
from shared.header_fields import MAX_FIELD_BYTES, Header
from shared.mail_body import Attachment

TEXT_FROM_HTML = "text_from_html"
TOO_MANY_ADDRESSES = "too_many_addresses"
UUENCODED = "uuencoded"

_ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc", "bcc")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it was sent: values decoded, ids without angle brackets, None where absent.

    people: by field name (`from`, `reply-to`, …). date: aware, UTC. text and html: with `\\n` line
    ends, at most 2 MiB together.
    """

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    subject: str | None
    people: Mapping[str, tuple[Person, ...]]
    date: datetime | None
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]
    auto_submitted: str | None
    list_id: str | None
    bounce: Bounce | None
    issues: tuple[str, ...]
    header: Header


def parse(raw: bytes) -> Mail:
    """Read a mail, RFC 5322 and MIME, whatever the bytes."""
    raw = _with_crlf(raw)
    structure = mime_parts.read(raw)
    header, issues = structure.root.header, structure.issues
    body = mail_body.read(raw, structure)
    people = {name: _people(header, name, issues) for name in _ADDRESS_FIELDS}
    return Mail(
        message_id=message_ids.first(header.first("message-id")),
        in_reply_to=message_ids.first(header.first("in-reply-to")),
        references=message_ids.read(header.first("references")),
        subject=_text(header, "subject"),
        people=people,
        date=mail_dates.read(_text(header, "date") or ""),
        text=body.text,
        html=body.html,
        attachments=body.attachments,
        auto_submitted=_keyword(_text(header, "auto-submitted")),
        list_id=_list_id(_text(header, "list-id")),
        bounce=bounces.read(body.attachments),
        issues=tuple(issues),
        header=header,
    )


def to_event(mail: Mail, *, body_limit: int) -> dict[str, Any]:
    """The fields of the event that come from the mail, in its order, ready for JSON.

    body_limit: bytes of UTF-8, of text and of html each; `truncated` says that one was cut.
    """
    text, files, issues = _readable(mail)
    bodies = {"text": text, "html": mail.html, "reply_text": _newest(text, mail)}
    cut = {name: _cut(body, body_limit) for name, body in bodies.items()}
    return {
        "message_id": mail.message_id,
        "thread_id": next(iter(mail.references), mail.in_reply_to or mail.message_id),
        "in_reply_to": mail.in_reply_to,
        "subject": mail.subject,
        **{
            name.replace("-", "_"): [_person(person) for person in people]
            for name, people in mail.people.items()
        },
        "date": f"{mail.date.replace(tzinfo=None).isoformat()}Z" if mail.date else None,
        **cut,
        "truncated": mail_body.TEXT_CUT in issues
        or any(cut[name] != bodies[name] for name in ("text", "html")),
        "attachments": [_attachment(item) for item in (*mail.attachments, *_attached(files))],
        "auto_submitted": mail.auto_submitted,
        "list_id": mail.list_id,
        "bounce": _bounce(mail.bounce) if mail.bounce else None,
        "issues": issues,
    }


def attachments(mail: Mail) -> list[Attachment]:
    """All that the event lists as attachments, uuencoded files included, with their bytes."""
    return [*mail.attachments, *_attached(uuencoded.take_out(mail.text or "")[1])]


def _readable(mail: Mail) -> tuple[str | None, list[uuencoded.File], list[str]]:
    """The text, from the html where there is none; the files that were in it; the issues."""
    text, files = uuencoded.take_out(mail.text) if mail.text else (mail.text, [])
    issues = [*mail.issues, UUENCODED] if files else [*mail.issues]
    if mail.html and not (text or "").strip() and (seen := html_text.from_html(mail.html)):
        return seen, files, [*issues, TEXT_FROM_HTML]
    return text, files, issues


def _newest(text: str | None, mail: Mail) -> str | None:
    answered = mail.in_reply_to or next(iter(mail.references), None)
    return reply_text.newest(text) if text and reply_text.is_reply(mail.subject, answered) else text


def _with_crlf(raw: bytes) -> bytes:
    """CRLF line ends, as IMAP gives them, where a file has only LF or only CR."""
    if b"\r\n" in raw:
        return raw
    return raw.replace(b"\n" if b"\n" in raw else b"\r", b"\r\n")


def _text(header: Header, name: str) -> str | None:
    value = header.first(name)
    return header_words.text(value) or None if value is not None else None


def _keyword(value: str | None) -> str | None:
    """`auto-replied` of `Auto-Replied; type=…` (RFC 3834 section 5)."""
    words = (value or "").replace(";", " ").replace("(", " ").split()
    return words[0].lower() if words else None


def _list_id(value: str | None) -> str | None:
    """The id of `Name <id>` (RFC 2919 section 3)."""
    if value is None:
        return None
    return value.rpartition("<")[2].partition(">")[0].strip() or None


def _people(header: Header, name: str, issues: dict[str, None]) -> tuple[Person, ...]:
    value = b",".join(header.all(name))
    people, more = addresses.read(value[:MAX_FIELD_BYTES])
    if more or len(value) > MAX_FIELD_BYTES:
        issues[TOO_MANY_ADDRESSES] = None
    return tuple(people)


def _attached(files: Sequence[uuencoded.File]) -> list[Attachment]:
    return [
        Attachment(
            id=f"uu{number}",
            filename=attachment_names.safe(file.name),
            content_type="application/octet-stream",
            content_id=None,
            inline=False,
            data=file.data,
        )
        for number, file in enumerate(files, 1)
    ]


def _cut(text: str | None, limit: int) -> str | None:
    """At most `limit` bytes of UTF-8, without half a character."""
    if text is None or len(text) * 4 <= limit:
        return text
    return text[:limit].encode("utf-8")[:limit].decode("utf-8", "ignore")


def _person(person: Person) -> dict[str, str | None]:
    return {"name": person.name or None, "address": person.address or None}


def _attachment(item: Attachment) -> dict[str, Any]:
    return {
        "id": item.id,
        "filename": item.filename,
        "content_type": item.content_type,
        "size": len(item.data),
        "content_id": item.content_id,
        "inline": item.inline,
        "url": None,  # where it is depends on the mailbox: see `events.mail_fields`
    }


def _bounce(bounce: Bounce) -> dict[str, Any]:
    """The first recipient's fields, and all recipients'."""
    recipients = [
        {
            "recipient": item.address,
            "action": item.action,
            "status": item.status,
            "diagnostic": item.diagnostic,
        }
        for item in bounce.recipients
    ]
    return {
        **recipients[0],
        "original_message_id": bounce.original_message_id,
        "recipients": recipients,
    }
