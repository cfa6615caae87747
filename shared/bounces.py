"""Delivery status notifications: who was not reached, and why. Pure. RFC 3464 and RFC 6522."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared import header_fields, header_words, message_ids
from shared.header_fields import Header
from shared.mail_body import Attachment

MAX_RECIPIENTS = 100

_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINALS = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
_TROUBLE = ("failed", "delayed")
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_TYPED = re.compile(r"\s*[\w.-]+\s*;\s*")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who was not reached. action: `failed` or `delayed`. status: RFC 3463, like `5.1.1`."""

    address: str | None
    action: str
    status: str | None
    diagnostic: str | None


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report that a mail did not arrive, or not yet; those that failed come first."""

    recipients: tuple[Recipient, ...]
    original_message_id: str | None


def read(attachments: Sequence[Attachment]) -> Bounce | None:
    """The bounce that a mail with these parts is; None for any other mail, receipts included."""
    report = next((part.data for part in attachments if part.content_type in _REPORTS), b"")
    found = list(_recipients(report))
    if not found:
        return None
    found.sort(key=lambda recipient: _TROUBLE.index(recipient.action))
    originals = (part.data for part in attachments if part.content_type in _ORIGINALS)
    return Bounce(
        tuple(found[:MAX_RECIPIENTS]), next(filter(None, map(_message_id, originals)), None)
    )


def _recipients(report: bytes) -> Iterator[Recipient]:
    for group in _groups(report):
        address = _typed(group, "final-recipient") or _typed(group, "original-recipient")
        diagnostic = _typed(group, "diagnostic-code")
        stated = _text(group, "status") or diagnostic or ""
        status = _STATUS.search(stated)
        action = (_text(group, "action") or "").split(" ")[0].lower()
        if not action and status:
            action = "failed" if status[0].startswith("5") else "delayed"
        if action in _TROUBLE and (address or status):
            yield Recipient(address, action, status[0] if status else None, diagnostic)


def _groups(report: bytes) -> Iterator[Header]:
    """The groups of fields: about the message, then one for each recipient."""
    position = 0
    for _ in range(MAX_RECIPIENTS + 1):
        if position >= len(report):
            return
        group = header_fields.read(report, position, len(report), {})
        yield group
        position = max(group.body_start, position + 1)


def _message_id(original: bytes) -> str | None:
    header = header_fields.read(original, 0, len(original), {})
    return message_ids.first(header.first("message-id"))


def _typed(group: Header, name: str) -> str | None:
    """The value behind `rfc822;` or `smtp;`."""
    return _TYPED.sub("", _text(group, name) or "", count=1) or None


def _text(group: Header, name: str) -> str | None:
    value = group.first(name)
    return header_words.text(value) if value is not None else None
