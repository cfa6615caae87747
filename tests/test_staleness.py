"""Which accounts count as active and are not read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import instants, staleness

_TICK = datetime(2026, 1, 31, 12, tzinfo=UTC)
_MINUTE, _HOUR = 60, 3600


def ago(seconds: float) -> str:
    return instants.text(_TICK - timedelta(seconds=seconds))


def row(**columns: Any) -> dict[str, Any]:
    """An account that was read a day ago, and has been connected for two."""
    return {
        "status": "active",
        "since": ago(48 * _HOUR),
        "last_success_at": ago(24 * _HOUR),
        "next_check_at": ago(0),
        "not_before": "",
    } | columns


def is_stale(row: dict[str, Any], interval: int) -> bool:
    return staleness.is_stale(row, staleness.horizon(_TICK, interval))


@pytest.mark.parametrize(
    ("interval", "seconds", "stale"),
    [
        (60, 150, False),
        (60, 151, True),
        (30, 150, False),  # the timer runs each minute
        (30, 151, True),
        (_HOUR, 3 * _HOUR - 30, False),
        (_HOUR, 3 * _HOUR - 29, True),
    ],
)
def test_three_intervals_without_a_success_are_too_many(
    interval: int, seconds: int, stale: bool
) -> None:
    assert is_stale(row(last_success_at=ago(seconds)), interval) is stale


@pytest.mark.parametrize("status", ["paused", "blocked", "reconnect_required", "system"])
def test_who_says_that_he_is_not_read_is_not_stale(status: str) -> None:
    assert is_stale(row(), 60)
    assert not is_stale(row(status=status), 60)


def test_what_is_never_looked_at_is_not_stale() -> None:
    assert not is_stale(row(next_check_at=instants.NEVER), 60)


def test_an_account_counts_from_when_it_became_active() -> None:
    assert not is_stale(row(last_success_at="", since=ago(100)), 60)
    assert is_stale(row(last_success_at="", since=ago(200)), 60)
    assert not is_stale(row(since=ago(100)), 60)


def test_backing_off_is_no_excuse() -> None:
    assert is_stale(row(next_check_at=ago(-1800)), 60)


@pytest.mark.parametrize(
    ("hours", "not_before", "stale"),
    [
        (1, ago(-300), False),  # it waits as it was asked to
        (1, ago(59), False),  # its next check has not been yet
        (1, ago(60), True),
        (4, ago(-300), True),  # asked again and again
    ],
)
def test_who_was_asked_to_wait_is_given_the_wait(hours: int, not_before: str, stale: bool) -> None:
    columns = row(last_success_at=ago(hours * _HOUR), not_before=not_before)
    assert is_stale(columns, 60) is stale
