"""When an account is due, and when a delivery is tried again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared import instants, schedule

_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_MINUTE, _HOUR = 60, 3600


def at(seconds: float) -> str:
    return instants.after(_NOON, seconds)


@pytest.mark.parametrize(
    ("check", "not_before", "refresh", "attempt", "due"),
    [
        (at(60), "", at(900), at(900), at(30)),
        (at(60), at(300), at(900), at(900), at(300)),
        (at(60), at(10), at(900), at(900), at(30)),
        (at(60), "", at(20), at(900), at(20)),
        (at(60), "", at(900), at(20), at(20)),
        (at(60), at(300), at(20), at(900), at(20)),
        (instants.NEVER, at(300), instants.NEVER, at(900), at(900)),
        (instants.NEVER, "", instants.NEVER, instants.NEVER, instants.NEVER),
    ],
)
def test_an_account_is_due_for_the_earliest_of_what_it_waits_for(
    check: str, not_before: str, refresh: str, attempt: str, due: str
) -> None:
    assert schedule.next_due_at(check, not_before, refresh, attempt) == due


@pytest.mark.parametrize(
    ("check", "not_before", "due"),
    [
        (at(0), "", True),
        (at(30), "", True),
        (at(31), "", False),
        (at(0), at(0), True),
        (at(0), at(1), False),
        (instants.NEVER, "", False),
    ],
)
def test_a_check_counts_half_a_minute_early_but_never_before_its_back_off(
    check: str, not_before: str, due: bool
) -> None:
    assert schedule.check_is_due(check, not_before, _NOON) is due


def test_ten_ticks_are_ten_checks() -> None:
    next_check_at = at(0)
    checks = 0
    for minute in range(10):
        # A timer that fires now early and now late by a few seconds.
        tick = _NOON + timedelta(minutes=minute, seconds=(-20, 20, 3)[minute % 3])
        if schedule.check_is_due(next_check_at, "", tick):
            checks += 1
            next_check_at = instants.after(tick, 60)
    assert checks == 10


@pytest.mark.parametrize(
    ("failures", "interval", "seconds"),
    [(1, 60, 120), (4, 60, 960), (5, 60, 1800), (5000, 60, 1800), (1, 3600, 3600)],
)
def test_a_back_off_doubles_up_to_half_an_hour_and_never_shortens_the_interval(
    failures: int, interval: int, seconds: int
) -> None:
    waits = {schedule.back_off_seconds(failures, interval) for _ in range(100)}
    assert max(interval, seconds * 0.9) <= min(waits) and max(waits) <= seconds
    # What failed together does not come back together.
    assert len(waits) > 50 or seconds == interval


@pytest.mark.parametrize(
    ("hours", "interval", "wait"),
    [(0, 60, 1), (0.5, 60, 1), (1, 60, 1), (2, 60, 2), (4, 60, 4), (9, 60, 6), (9, 28_800, 8)],
)
def test_a_blocked_account_costs_ever_less_down_to_one_try_in_six_hours(
    hours: float, interval: int, wait: int
) -> None:
    since = instants.after(_NOON, -hours * 3600)
    assert schedule.blocked_seconds(since, _NOON, interval) == wait * 3600
    assert schedule.blocked_seconds("", _NOON, 60) == 3600


def test_the_outbox_is_read_whole_once_an_hour_at_the_accounts_own_second() -> None:
    tick = _NOON
    turns = []
    for _ in range(5):
        turns.append(schedule.outbox_turn("acc_a", tick))
        tick = instants.parse(turns[-1])
    gaps = {instants.parse(later) - instants.parse(earlier) for earlier, later in pairwise(turns)}
    assert gaps == {timedelta(hours=1)}
    assert at(0) < turns[0] <= at(3600)
    assert schedule.outbox_turn("acc_b", _NOON) != turns[0]


_DELAYS = [
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
]


@pytest.mark.parametrize(("attempts", "seconds"), list(enumerate(_DELAYS, start=1)))
def test_f31_attempts_follow_the_schedule_with_at_most_a_tenth_of_jitter(
    attempts: int, seconds: int
) -> None:
    for _ in range(50):
        found = schedule.next_attempt_at(attempts, _NOON)
        assert found is not None
        waited = (instants.parse(found) - _NOON).total_seconds()
        assert 0.9 * seconds <= waited <= seconds


def test_f31_what_failed_together_does_not_come_back_together() -> None:
    assert len({schedule.next_attempt_at(5, _NOON) for _ in range(50)}) > 10


def test_f31_after_the_tenth_attempt_there_is_none() -> None:
    assert schedule.next_attempt_at(9, _NOON) is not None
    assert schedule.next_attempt_at(10, _NOON) is None


def test_f37_an_events_life_is_75_hours_and_35_minutes() -> None:
    assert schedule.LIFE_SECONDS == 75 * _HOUR + 35 * _MINUTE + 5


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (0.0, 270, 300),
        (600.0, 600, 600),
        (24.0 * _HOUR, 24 * _HOUR, 24 * _HOUR),
        (1e9, 24 * _HOUR, 24 * _HOUR),
    ],
)
def test_f33_retry_after_lengthens_the_wait_up_to_a_day(
    asked: float, least: int, most: int
) -> None:
    found = schedule.next_attempt_at(2, _NOON, asked)
    assert found is not None
    assert least <= (instants.parse(found) - _NOON).total_seconds() <= most


def test_f33_retry_after_gives_no_further_attempt() -> None:
    assert schedule.next_attempt_at(10, _NOON, 60) is None
