"""Instants as the tables hold them: fixed-width UTC text that sorts as it reads.

A filtered column never changes its type, so "never" is a date too.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

NEVER = "9999-12-31T00:00:00Z"
type Clock = Callable[[], datetime]


def text(moment: datetime) -> str:
    """The moment as `2026-01-31T12:00:00Z`, cut to the second: for what has happened."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def due_text(moment: datetime) -> str:
    """The moment rounded up to the second: for what is due then, because due is never early."""
    if moment.microsecond:
        moment += timedelta(seconds=1)
    return text(moment)


def parse(value: str) -> datetime:
    """The aware UTC moment that `text` wrote; raises ValueError for anything else."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo != UTC or text(moment) != value:
        raise ValueError("no instant")
    return moment


def after(moment: datetime, seconds: float) -> str:
    """Due text of the moment so many seconds later."""
    return due_text(moment + timedelta(seconds=seconds))


def now() -> datetime:
    """The one place that asks the system's clock; flows are given a clock, or what it said."""
    return datetime.now(UTC)
