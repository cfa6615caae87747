"""Hourly counters of an account's mails and failed checks, in one text of its row. Pure.

`2026-01-31T12|3.0,0.1`: the newest hour (UTC), then `mails.failures` of that hour and of those
before it, newest first. At most 24 hours and 350 characters. What can't be read counts as
nothing, so that no row is ever refused for its counters.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from shared import instants

HOURS = 24
_MOST = 999_999  # the text stays short, whatever happens
_HOUR = timedelta(hours=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d\|\d{1,6}\.\d{1,6}(,\d{1,6}\.\d{1,6}){0,23}", re.ASCII)

type _Slot = tuple[int, int]


def counted(text: object, now: datetime, mails: int, failures: int) -> str:
    """The text with so many more in the hour of `now`."""
    first, *rest = _until(text, _hour(now))
    slots = [_more(first, mails, failures), *rest]
    while slots[-1] == (0, 0) and len(slots) > 1:
        slots.pop()
    return f"{now.astimezone(UTC):%Y-%m-%dT%H}|" + ",".join(f"{m}.{f}" for m, f in slots)


def view(text: object, now: datetime) -> dict[str, Any]:
    """JSON of the last 24 hours, the hour of `now` included.

    since: when the first of them began; mails, failures: 24 numbers each, oldest first.
    """
    slots = _until(text, _hour(now))[::-1]
    return {
        "since": instants.text(_hour(now) - (HOURS - 1) * _HOUR),
        "mails": [mails for mails, _ in slots],
        "failures": [failures for _, failures in slots],
    }


def _until(text: object, hour: datetime) -> list[_Slot]:
    """24 slots, the first of that hour; what a clock that was ahead wrote counts as that hour."""
    newest, slots = _read(text)
    passed = max((hour - newest) // _HOUR, 0)
    moved = [(0, 0)] * min(passed, HOURS) + slots
    return (moved + [(0, 0)] * HOURS)[:HOURS]


def _read(text: object) -> tuple[datetime, list[_Slot]]:
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        return _LONG_AGO, []
    newest, _, slots = text.partition("|")
    try:
        hour = datetime.fromisoformat(f"{newest}:00:00+00:00")
    except ValueError:
        return _LONG_AGO, []
    pairs = (slot.split(".") for slot in slots.split(","))
    return hour, [(int(mails), int(failures)) for mails, failures in pairs]


def _more(slot: _Slot, mails: int, failures: int) -> _Slot:
    return min(slot[0] + mails, _MOST), min(slot[1] + failures, _MOST)


def _hour(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
