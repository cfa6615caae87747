"""What an API caller may say about a mail to send: JSON in, a draft out.

Every refusal is Rejected `field_invalid` whose detail names the field, like `to.0` or
`attachments.2.filename`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import account_forms, attachment_names
from shared.account_forms import INBOX, Reader, invalid
from shared.addresses import Person
from shared.compose import Attachment, Draft
from shared.message_forms import MAX_NUMBER

IDEMPOTENCY_KEY = "Idempotency-Key"
# Exchange takes 35 MB, and base64 makes four bytes of three.
MAX_CONTENT_BYTES = 25 * 1024 * 1024
MAX_RECIPIENTS = 500
_MAX_ATTACHMENTS = 100
_MAX_HEADERS = 50
_MAX_SUBJECT = 255

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_KEY = re.compile(r"[!-~]{1,255}\Z")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,250}@[!-;=?A-~]{1,250}\Z")
_CONTENT_TYPE = re.compile(
    r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}\Z"
)
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z"
)
_OURS = {
    *("from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id"),
    *("in-reply-to", "references", "mime-version", "return-path", "received"),
}
_OTHERS = ("content-", "resent-", "received-", "dkim-", "arc-", "authentication-", "x-ms-exchange-")


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that is answered: by its id, without angle brackets, or where it is.

    uid_validity: 0 where it was not said.
    """

    message_id: str = ""
    uid: int = 0
    folder: str = INBOX
    uid_validity: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """subject: None where the original's is to be taken; original: None for what is no reply."""

    draft: Draft
    subject: str | None
    original: Original | None


def read(body: Any) -> Wanted:
    """What is to be sent."""
    found = account_forms.fields(body, FIELDS, (), ())
    original = _original(found)
    if "subject" not in found and not (original and original.uid):
        raise invalid("subject")
    draft = Draft(
        sender=found.get("from"),
        **{name: found[name] for name in _OF_DRAFT if name in found},
    )
    if not 0 < len(draft.recipients) <= MAX_RECIPIENTS:
        raise invalid("to")
    size = sum(len(one.content) for one in draft.attachments)
    if size + len((draft.text or "") + (draft.html or "")) > MAX_CONTENT_BYTES:
        raise invalid("attachments")
    return Wanted(draft, found.get("subject"), original)


def _original(found: Mapping[str, Any]) -> Original | None:
    if "in_reply_to" in found and "in_reply_to_uid" in found:
        raise invalid("in_reply_to")
    if "in_reply_to_uid" in found:
        folder, validity = found.get("folder", INBOX), found.get("uid_validity", 0)
        return Original("", found["in_reply_to_uid"], folder, validity)
    for name in ("folder", "uid_validity"):
        if name in found:
            raise invalid(name)
    return Original(found["in_reply_to"]) if "in_reply_to" in found else None


def idempotency_key(value: str | None) -> str:
    """The header's value; '' where there is none."""
    if value is not None and not _KEY.match(value):
        raise invalid(IDEMPOTENCY_KEY)
    return value or ""


def address(name: str, value: Any) -> str:
    """An address in ASCII: its domain may be an international one, what is before it may not."""
    local, _, domain = account_forms.address(name, value).rpartition("@")
    try:
        found = f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        raise invalid(name) from None
    if not _ADDRESS.match(found):
        raise invalid(name)
    return found


def _person(name: str, value: Any) -> Person:
    """An address, or {name, address} as in an event."""
    if isinstance(value, str):
        return Person("", address(name, value))
    if not isinstance(value, dict) or not {"address"} <= value.keys() <= {"address", "name"}:
        raise invalid(name)
    shown = value.get("name")
    return Person(_line(name, "" if shown is None else shown, 200), address(name, value["address"]))


def _people(name: str, value: Any) -> tuple[Person, ...]:
    if not isinstance(value, list) or len(value) > MAX_RECIPIENTS:
        raise invalid(name)
    return tuple(_person(f"{name}.{number}", one) for number, one in enumerate(value))


def _line(name: str, value: Any, most: int = _MAX_SUBJECT) -> str:
    """One line, its spaces as a field would keep them."""
    if not isinstance(value, str) or len(value) > most or _CONTROL.search(value):
        raise invalid(name)
    return " ".join(value.split())


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or _CONTROL_IN_TEXT.search(value):
        raise invalid(name)
    return value


def _attachments(name: str, value: Any) -> tuple[Attachment, ...]:
    if not isinstance(value, list) or len(value) > _MAX_ATTACHMENTS:
        raise invalid(name)
    return tuple(_attachment(f"{name}.{number}", one) for number, one in enumerate(value))


def _attachment(name: str, value: Any) -> Attachment:
    if not isinstance(value, dict):
        raise invalid(name)
    for given in value:
        if given not in {"filename", "content_type", "content_base64"}:
            raise invalid(f"{name}.{str(given)[:50]}")
    filename = attachment_names.safe(_line(f"{name}.filename", value.get("filename")))
    if filename is None:
        raise invalid(f"{name}.filename")
    kind = value.get("content_type", "application/octet-stream")
    if not isinstance(kind, str) or not _CONTENT_TYPE.match(kind.lower()):
        raise invalid(f"{name}.content_type")
    content = value.get("content_base64")
    try:
        raw = base64.b64decode(content, validate=True) if isinstance(content, str) else None
    except (binascii.Error, ValueError):
        raw = None
    if raw is None:
        raise invalid(f"{name}.content_base64")
    return Attachment(filename, kind.lower(), raw)


def _headers(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    """Further fields: neither one that is made here, nor one that says what servers did."""
    if not isinstance(value, dict) or len(value) > _MAX_HEADERS:
        raise invalid(name)
    for one in value:
        lower = one.lower()
        if not _HEADER_NAME.match(one) or lower in _OURS or lower.startswith(_OTHERS):
            raise invalid(f"{name}.{one[:50]}" if _HEADER_NAME.match(one) else name)
    return tuple((one, _line(f"{name}.{one}", text, 900)) for one, text in value.items())


def _message_id(name: str, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    found = text.removeprefix("<").removesuffix(">")
    if not _MESSAGE_ID.match(found):
        raise invalid(name)
    return found


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_NUMBER:
        raise invalid(name)
    return value


_OF_DRAFT = ("to", "cc", "bcc", "reply_to", "text", "html", "attachments", "headers")
FIELDS: Mapping[str, Reader] = {
    "from": _person,
    "to": _people,
    "cc": _people,
    "bcc": _people,
    "reply_to": _people,
    "subject": _line,
    "text": _text,
    "html": _text,
    "attachments": _attachments,
    "headers": _headers,
    "in_reply_to": _message_id,
    "in_reply_to_uid": _number,
    "folder": account_forms.folder,
    "uid_validity": _number,
}
