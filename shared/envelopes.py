"""An ENVELOPE to fields as events name them. Pure.

RFC 3501 section 7.4.2; what is inside is as raw as in the header, encoded words and all.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared import header_words, message_ids

_FIELDS = ("message_id", "in_reply_to", "subject", "from", "to", "cc", "date")


def fields(envelope: Any) -> dict[str, Any]:
    """message_id, in_reply_to, subject, from, to, cc and date.

    envelope: as imapclient reads it, None where the server can't say it.
    """
    if envelope is None:
        return dict.fromkeys(_FIELDS) | {name: [] for name in ("from", "to", "cc")}
    return {
        "message_id": message_ids.first(_bytes(envelope.message_id)),
        "in_reply_to": message_ids.first(_bytes(envelope.in_reply_to)),
        "subject": header_words.text(_bytes(envelope.subject)) or None,
        "from": _people(envelope.from_),
        "to": _people(envelope.to),
        "cc": _people(envelope.cc),
        "date": _date(envelope.date),
    }


def _people(addresses: Iterable[Any] | None) -> list[dict[str, str | None]]:
    """Without the begin and end of groups, which have no host."""
    return [
        {"name": _text(one.name) or None, "address": _address(one) or None}
        for one in addresses or ()
        if one.host is not None
    ]


def _address(one: Any) -> str:
    return "@".join(filter(None, (_text(one.mailbox), _text(one.host))))


def _text(value: Any) -> str:
    return header_words.text(_bytes(value))


def _date(value: datetime | None) -> str | None:
    """UTC; without a zone, it counts as UTC (RFC 5322 section 4.3)."""
    if value is None:
        return None
    try:
        moment = value.astimezone(UTC) if value.tzinfo else value
    except OverflowError:  # within a day of the year 1 or 9999
        return None
    return f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}Z"


def _bytes(value: Any) -> bytes:
    """imapclient makes a number of what looks like one."""
    return str(value).encode() if isinstance(value, int) else value or b""
