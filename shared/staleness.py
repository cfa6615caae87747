"""Staleness: an account counts as active, and its mailbox was not read for too long. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import instants, schedule

COLUMNS = ("status", "since", "last_success_at", "next_check_at", "not_before")
_INTERVALS = 3
_TICK_SECONDS = 60  # no mailbox is looked at more often than the timer runs
_LONGEST_WAIT = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is too long ago at one scan, as text of `shared.instants`; made once for all rows.

    read: a mailbox that was last read before it is stale. asked: one that the mail server asked to
    wait until later than this has had no turn since. waited: before it, such waits are no excuse.
    """

    read: str
    asked: str
    waited: str


def horizon(tick: datetime, interval_seconds: int) -> Horizon:
    """Of the scan of `tick`: three intervals ago.

    A check counts early and ends after its tick, so half a minute is forgiven: the third tick
    without a success finds the account.
    """
    seconds = _INTERVALS * max(interval_seconds, _TICK_SECONDS) - schedule.CHECK_EARLY_SECONDS
    return Horizon(
        read=instants.text(tick - timedelta(seconds=seconds)),
        asked=instants.text(tick - timedelta(seconds=interval_seconds)),
        waited=instants.text(tick - _LONGEST_WAIT),
    )


def is_stale(row: Mapping[str, Any], at: Horizon) -> bool:
    """Whether the account of a row (with COLUMNS) is stale.

    What is paused, blocked or waits for its owner is not active: it says so itself. An account
    counts from when it became active. One that the mail server asked to wait is given its wait,
    three hours of such waits at most. Backing off is no excuse: it is what makes an account late.
    """
    if row["last_success_at"] >= at.read or row["status"] != "active":
        return False
    last = max(row["last_success_at"], row["since"])
    if last >= at.read or row["next_check_at"] == instants.NEVER:
        return False
    return bool(row["not_before"] <= at.asked or last < at.waited)
