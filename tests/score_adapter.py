"""What the scorer of the mail corpora asks for, from our parser."""

from typing import Any

from shared import mail


def parse(raw: bytes) -> dict[str, Any]:
    """One message in the scorer's shape: subject, people, date, references, text, attachments."""
    read = mail.parse(raw)
    event = mail.to_event(read, body_limit=16 * 1024 * 1024)
    return {
        "subject": event["subject"],
        "message_id": event["message_id"],
        **{
            name: [(person["name"] or "", person["address"]) for person in event[name]]
            for name in ("from", "to", "cc")
        },
        "date": event["date"],
        "references": list(read.references),
        "text": read.text or "",
        "html": read.html or "",
        "attachments": [
            {"filename": a.filename or "", "content_type": a.content_type, "data": a.data}
            for a in read.attachments
        ],
    }
