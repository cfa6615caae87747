"""What an API caller may say of mail: a query or JSON in, checked values out.

What each route reads is a table of fields; every refusal is Rejected `field_invalid` whose detail
names the field.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared import account_forms, instants
from shared.account_forms import Reader, invalid
from shared.errors import Rejected

MAX_NUMBER = 2**32 - 1  # of a UID and of UIDVALIDITY (RFC 3501 section 2.3.1.1)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FLAGS = {"true": True, "false": False}


def number(name: str, value: Any) -> int:
    """A UID or UIDVALIDITY, from 1 to 2^32 - 1."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or int(value) > MAX_NUMBER:
        raise invalid(name)
    return int(value)


def uid(value: str) -> int:
    """The UID of a path; one that no mail can have is that of no mail."""
    try:
        return number("uid", value)
    except Rejected:
        raise Rejected("message_unknown", status=404) from None


def _flag(name: str, value: Any) -> bool:
    if value not in _FLAGS:
        raise invalid(name)
    return _FLAGS[value]


def _instant(name: str, value: Any) -> datetime:
    """`2026-01-31T12:00:00Z`, or a day, which begins at midnight UTC."""
    try:
        if _DATE.fullmatch(value):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return instants.parse(value)
    except ValueError:
        raise invalid(name) from None


def _contained(name: str, value: Any) -> str:
    """What a field has to contain; up to 200 characters, with one way to write each."""
    return unicodedata.normalize("NFC", account_forms.text(name, value).strip())


# The query of one mail: where its UID counts.
PLACE: Mapping[str, Reader] = {
    "folder": account_forms.folder,
    "uid_validity": number,
}
# The query of a list of mails, beside `limit` and `cursor`.
SEARCH: Mapping[str, Reader] = {
    "folder": account_forms.folder,
    "unseen": _flag,
    "since": _instant,
    "before": _instant,
    "from": _contained,
    "to": _contained,
    "subject": _contained,
    "text": _contained,
}
# What of a mail may be changed.
CHANGES: Mapping[str, Reader] = {
    "seen": account_forms.flag,
    "flagged": account_forms.flag,
    "move_to": account_forms.folder,
}


def query(sent: Mapping[str, str], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The parameters that were sent of those that a route reads; an empty one is none."""
    return {name: read(name, sent[name]) for name, read in readers.items() if sent.get(name)}


def changes(body: Any) -> dict[str, Any]:
    """The fields of a change, one at least."""
    found = account_forms.fields(body, CHANGES, (), ())
    if not found:
        raise invalid("body")
    return found
