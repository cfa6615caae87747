"""What the Python clients make of a mail: what an application wants to know, by `email`."""

from collections.abc import Iterable
from email import policy
from email.parser import BytesParser
from typing import Any

_PARSER = BytesParser(policy=policy.default)


def read(raw: bytes) -> dict[str, Any]:
    """People, subject, date, both bodies, and the attachments' names and sizes."""
    mail = _PARSER.parsebytes(raw)
    fields = {name: str(mail[name] or "") for name in ("From", "To", "Cc", "Subject", "Date")}
    bodies = {
        kind: body.get_content() if (body := mail.get_body((kind,))) else ""
        for kind in ("plain", "html")
    }
    attachments = [
        (part.get_filename(), part.get_content_type(), len(part.get_payload(decode=True) or b""))
        for part in mail.iter_attachments()
    ]
    return {**fields, **bodies, "attachments": attachments}


def read_all(raws: Iterable[bytes]) -> tuple[int, int]:
    """How many there were, and how many `email` could not read."""
    done = failed = 0
    for raw in raws:
        done += 1
        try:
            read(raw)
        except Exception:
            failed += 1
    return done, failed
