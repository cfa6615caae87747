"""A mail to be sent, as bytes (RFC 5322, MIME): the standard library's message, our fields. Pure.

The library's folding loses spaces between encoded words, leaves what only looks like one as it is,
and writes a Message-ID that is longer than a line as one; so each field is given to it as lines.
Nobody who gets the mail sees `bcc`: no field is made of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, formataddr

from shared.addresses import Person

_LINE = 76
# Lines of at most 78 characters, all of it ASCII: not every server says 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Attachment:
    """content_type: `type/subtype`, neither multipart nor message."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to send. Texts hold no control characters, addresses are ASCII.

    sender: None where it is the account's own address. text, html: None where it has none.
    headers: further fields, none of those that are made here.
    """

    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    sender: Person | None = None
    reply_to: tuple[Person, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of the envelope, each once."""
        people = (*self.to, *self.cc, *self.bcc)
        return tuple(dict.fromkeys(person.address for person in people))


@dataclass(frozen=True, slots=True)
class Thread:
    """What a reply is to; ids without angle brackets. references: oldest first, with the last."""

    in_reply_to: str
    references: tuple[str, ...]


def compose(
    draft: Draft, sender: Person, message_id: str, now: datetime, thread: Thread | None = None
) -> bytes:
    """The mail with CRLF line ends; message_id: without angle brackets."""
    mail = EmailMessage(policy=_POLICY)
    _put(mail, "From", _people("From", [sender]))
    for name, people in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if people:
            _put(mail, name, _people(name, people))
    _put(mail, "Subject", _words("Subject", draft.subject))
    _put(mail, "Date", [format_datetime(now)])
    _put(mail, "Message-ID", _ids([message_id]))
    if thread:
        _put(mail, "In-Reply-To", _ids([thread.in_reply_to]))
        _put(mail, "References", _ids(thread.references))
    for name, value in draft.headers:
        _put(mail, name, _words(name, value))
    _fill(mail, draft)
    return mail.as_bytes()


def _fill(mail: EmailMessage, draft: Draft) -> None:
    if draft.text is not None or draft.html is None:
        mail.set_content(draft.text or "", cte="quoted-printable")
    if draft.html is not None and draft.text is not None:
        mail.add_alternative(draft.html, subtype="html", cte="quoted-printable")
    elif draft.html is not None:
        mail.set_content(draft.html, subtype="html", cte="quoted-printable")
    for one in draft.attachments:
        main, _, sub = one.content_type.partition("/")
        mail.add_attachment(one.content, maintype=main, subtype=sub, filename=one.filename)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as the policy writes it: folded already."""

    name: str
    lines: tuple[str, ...]

    def fold(self, *, policy: EmailPolicy) -> str:
        return f"{self.name}: {f'{policy.linesep} '.join(self.lines)}{policy.linesep}"


def _put(mail: EmailMessage, name: str, lines: Iterable[str]) -> None:
    mail[name] = _Field(name, tuple(lines))


def _words(field_name: str, text: str) -> list[str]:
    """A text as lines, as encoded words where it has to be (RFC 2047)."""
    charset = "us-ascii" if _is_plain(text) else "utf-8"
    header = Header(text, charset, maxlinelen=_LINE, header_name=field_name)
    return header.encode(linesep="\n").split("\n ")


def _people(field_name: str, people: Sequence[Person]) -> list[str]:
    """One address a line."""
    lines: list[str] = []
    for number, person in enumerate(people, 1):
        comma = "," if number < len(people) else ""
        if _is_plain(person.name):
            lines.append(formataddr((person.name, person.address)) + comma)
        else:
            lines += [*_words(field_name, person.name), f"<{person.address}>{comma}"]
    return lines


def _ids(ids: Iterable[str]) -> list[str]:
    """One id a line, however long."""
    return [f"<{one}>" for one in ids]


def _is_plain(text: str) -> bool:
    """Whether it can be written as it is: what looks like an encoded word would be read as one."""
    return text.isascii() and "=?" not in text
