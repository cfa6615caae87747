"""Mails to put into mailboxes: a plain one, and five that differ in what makes mail hard."""

from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid

_SUBJECT = "会議のお知らせ"


def made_up(to: str, subject: str, text: str = "", **headers: str) -> bytes:
    """A small, valid mail with a Message-ID of its own.

    text: the subject unless it is said. headers: others, or other ones, `_` for `-`.
    """
    mail = _addressed(EmailMessage(), to)
    mail["Subject"] = subject
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        mail[name.replace("_", "-")] = value
    mail.set_content(f"{text or subject}\n")
    return mail.as_bytes()


def with_file(
    to: str, text: str, filename: str, content: bytes, *, kind: str = "", subject: str = ""
) -> bytes:
    """A mail with a text and one attachment; kind: its type, octets where it is not said."""
    maintype, _, subtype = (kind or "application/octet-stream").partition("/")
    mail = _addressed(EmailMessage(), to)
    mail["Subject"] = subject or "With a file"
    mail.set_content(text)
    mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=filename)
    return mail.as_bytes()


def five(to: str) -> dict[str, bytes]:
    """The mails to that address, each under the word that says what is hard about it."""
    japanese = _japanese(to)
    return {
        "Japanese": japanese.as_bytes(),
        "attachment": _invoice(to),
        "reply": _reply(to, str(japanese["Message-ID"])),
        "html only": _html_only(to),
        "bounce": _bounce(to),
    }


def _addressed[M: Message](mail: M, to: str) -> M:
    mail["From"] = "Yuki Tanaka <yuki@sender.example>"
    mail["To"] = to
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="sender.example")
    return mail


def _japanese(to: str) -> Message:
    """In the 7-bit charset that Japanese mail programs have written for decades."""
    mail = _addressed(MIMEText("来週の会議は月曜日の十時からです。\n", _charset="iso-2022-jp"), to)
    mail["Subject"] = Header(_SUBJECT, "iso-2022-jp").encode()
    return mail


def _invoice(to: str) -> bytes:
    text, name = "The invoice is attached.\n", "Rechnung März.pdf"
    content, kind = b"%PDF-1.4\n%%EOF\n", "application/pdf"
    return with_file(to, text, name, content, kind=kind, subject="Invoice 4711")


def _reply(to: str, message_id: str) -> bytes:
    mail = _addressed(EmailMessage(), to)
    mail["Subject"] = f"Re: {_SUBJECT}"
    mail["In-Reply-To"] = mail["References"] = message_id
    mail.set_content(
        "Monday is fine.\n\nOn Tuesday, Yuki Tanaka wrote:\n> 来週の会議は月曜日です。\n"
    )
    return mail.as_bytes()


def _html_only(to: str) -> bytes:
    mail = _addressed(EmailMessage(), to)
    mail["Subject"] = "Spring offers"
    mail.set_content("<h1>Hello</h1><p>Only <b>today</b>.</p>", subtype="html")
    return mail.as_bytes()


def _bounce(to: str) -> bytes:
    """A delivery status notification (RFC 3464)."""
    mail = _addressed(MIMEMultipart("report", report_type="delivery-status"), to)
    mail["Subject"] = "Undelivered Mail Returned to Sender"
    mail["Auto-Submitted"] = "auto-replied"
    mail.attach(MIMEText("Your mail could not be delivered.\n"))
    status = MIMEBase("message", "delivery-status")
    status.set_payload(
        [
            _fields(("Reporting-MTA", "dns; mx.sender.example")),
            _fields(
                ("Final-Recipient", "rfc822; nobody@sender.example"),
                ("Action", "failed"),
                ("Status", "5.1.1"),
                ("Diagnostic-Code", "smtp; 550 5.1.1 User unknown"),
            ),
        ]
    )
    mail.attach(status)
    original = _fields(
        ("From", to),
        ("To", "nobody@sender.example"),
        ("Subject", "Are you there?"),
        ("Message-ID", make_msgid(domain="outlook.example")),
    )
    original.set_payload("Hello?\n")
    mail.attach(MIMEMessage(original))
    return mail.as_bytes()


def _fields(*fields: tuple[str, str]) -> Message:
    message = Message()
    for name, value in fields:
        message[name] = value
    return message
