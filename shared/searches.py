"""A search of mail: what the server is asked, and what is asked of its answer. Pure.

Exchange refuses a search that is not US-ASCII, and every server counts SINCE and BEFORE in days of
its own time zone. So the server is asked for what holds every hit, in ASCII, and what it lists is
looked at once more where it may be too much.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_ASCII = re.compile(r"[ -~]+")
_KEYS = {"from": "FROM", "to": "TO", "subject": "SUBJECT", "text": "TEXT"}
# English whatever the locale (RFC 3501 section 9, date-month).
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = timedelta(days=1)
_FIRST_DAY, _LAST_DAY = datetime(1970, 1, 2, tzinfo=UTC), datetime(2999, 12, 29, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Search:
    """What mail has to have; every part that is given.

    unseen: None for both. since is included, before is not; both of INTERNALDATE. texts: what
    `from`, `to`, `subject` and `text` (header and content) contain, in any case.
    """

    unseen: bool | None = None
    since: datetime | None = None
    before: datetime | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def criteria(self) -> str:
        """Search keys of RFC 3501 section 6.4.4, in printable ASCII, values quoted."""
        keys = []
        if self.unseen is not None:
            keys.append("UNSEEN" if self.unseen else "SEEN")
        if self.since:
            keys.append(f"SINCE {_day(_clamped(self.since) - _DAY)}")
        if self.before:
            keys.append(f"BEFORE {_day(_clamped(self.before) + 2 * _DAY)}")
        for name, value in self.texts.items():
            if run := _longest_ascii(value):
                keys.append(f"{_KEYS[name]} {quoted(run)}")
        return " ".join(keys) or "ALL"

    def is_within(self, received_at: datetime) -> bool:
        """Whether INTERNALDATE fits to the second."""
        return (self.since is None or received_at >= self.since) and (
            self.before is None or received_at < self.before
        )

    @property
    def asks_content(self) -> bool:
        """Whether the server's answer may hold too much that only the whole mail tells."""
        return not self.texts.get("text", "").isascii()

    def fits_envelope(self, mail: Mapping[str, Any]) -> bool:
        """Whether it contains what the server could not be asked for; fields as in events."""
        return all(
            _contains(_texts(mail, name), value)
            for name, value in self.texts.items()
            if name != "text" and not value.isascii()
        )

    def fits_content(self, mail: Mapping[str, Any]) -> bool:
        """Whether anything of a mail that was read contains `text`."""
        names = ("subject", "from", "to", "cc", "text", "html")
        found = [text for name in names for text in _texts(mail, name)]
        return _contains(found, self.texts.get("text", ""))


def _texts(mail: Mapping[str, Any], name: str) -> Iterable[str]:
    value = mail.get(name) or ""
    if isinstance(value, str):
        return [value]
    return [f"{person['name'] or ''} <{person['address'] or ''}>" for person in value]


def _contains(texts: Iterable[str], value: str) -> bool:
    wanted = _folded(value)
    return any(wanted in _folded(text) for text in texts)


def _folded(text: str) -> str:
    """One way to write each character, in any case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _longest_ascii(value: str) -> str:
    return max((run.strip() for run in _ASCII.findall(value)), key=len, default="")


def quoted(value: str) -> str:
    """A quoted string (RFC 3501 section 4.3): nothing in it is a key, a literal or a list.

    imapclient would leave a value without a space as it is.
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _clamped(moment: datetime) -> datetime:
    """No mail is older or younger, and some servers refuse the dates beyond."""
    return min(max(moment, _FIRST_DAY), _LAST_DAY)


def _day(moment: datetime) -> str:
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year:04d}"
