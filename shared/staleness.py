"""Staleness: an account counts as active, and its mailbox was not read for too long. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import instants, schedule

COLUMNS = ("status", "since", "last_success_at", "next_check_at", "not_before")
_INTERVALS = 3
_TICK_SECONDS = 60  # no mailbox is looked at more often than the timer runs
_LONGEST_WAIT = timedelta(hours=3)


def horizon(tick: datetime, interval_seconds: int) -> datetime:
    """A success before this is older than three intervals, at a scan of `tick`.

    A check counts early and ends after its tick, so half a minute is forgiven: the third tick
    without a success finds the account.
    """
    seconds = _INTERVALS * max(interval_seconds, _TICK_SECONDS) - schedule.CHECK_EARLY_SECONDS
    return tick - timedelta(seconds=seconds)


def is_stale(row: Mapping[str, Any], tick: datetime, interval_seconds: int) -> bool:
    """Whether the account of a row (with COLUMNS) is stale at the scan of `tick`.

    What is paused, blocked or waits for its owner is not active: it says so itself. An account
    counts from when it became active. One that the mail server asked to wait is given its wait,
    three hours of such waits at most. Backing off is no excuse: it is what makes an account late.
    """
    if row["status"] != "active" or row["next_check_at"] == instants.NEVER:
        return False
    last = max(row["last_success_at"], row["since"])
    if last >= instants.text(horizon(tick, interval_seconds)):
        return False
    asked_to_wait = row["not_before"] > instants.text(tick - timedelta(seconds=interval_seconds))
    return not asked_to_wait or last < instants.text(tick - _LONGEST_WAIT)
