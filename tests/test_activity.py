"""Hourly counters: they move on with the clock, stay short, and no row's text upsets them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import activity

_NOON = datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)


def hours(text: object, now: datetime = _NOON) -> dict[str, dict[int, int]]:
    """What is counted, by hours before that of `now`."""
    shown = activity.view(text, now)
    return {
        name: {23 - at: count for at, count in enumerate(shown[name]) if count}
        for name in ("mails", "failures")
    }


def counting(*steps: tuple[float, int, int]) -> str:
    """Counts after one another; each step is hours after noon, mails, failures."""
    text = ""
    for later, mails, failures in steps:
        text = activity.counted(text, _NOON + timedelta(hours=later), mails, failures)
    return text


def test_what_happens_within_an_hour_adds_up() -> None:
    assert hours(counting((0, 2, 0), (0.4, 3, 1))) == {"mails": {0: 5}, "failures": {0: 1}}


def test_a_text_is_as_short_as_what_it_says() -> None:
    assert counting((0, 2, 1)) == "2026-01-31T12|2.1"
    assert counting((-2, 4, 0), (0, 2, 1)) == "2026-01-31T12|2.1,0.0,4.0"


def test_an_hour_ends_with_the_clocks_hour() -> None:
    text = counting((0, 1, 0), (0.5, 1, 0))
    assert hours(text, _NOON + timedelta(hours=0.5)) == {"mails": {0: 1, 1: 1}, "failures": {}}


def test_hours_without_anything_move_what_was_counted_on() -> None:
    text = counting((0, 7, 0))
    assert hours(text, _NOON + timedelta(hours=23)) == {"mails": {23: 7}, "failures": {}}
    assert hours(text, _NOON + timedelta(hours=24)) == {"mails": {}, "failures": {}}


def test_what_a_clock_that_was_ahead_counted_is_not_lost() -> None:
    text = activity.counted(counting((2, 3, 0)), _NOON, 1, 0)
    assert hours(text) == {"mails": {0: 4}, "failures": {}}


def test_the_view_says_when_its_first_hour_began() -> None:
    shown = activity.view("", _NOON)
    assert shown["since"] == "2026-01-30T13:00:00Z"
    assert len(shown["mails"]) == len(shown["failures"]) == 24


@pytest.mark.parametrize(
    "garbage",
    [
        *("", "x", "2026-01-31T12", "2026-01-31T12|", "2026-01-31T12|1", "2026-13-31T12|1.1"),
        *("2026-01-31T12|-1.0", "2026-01-31T12|1.0,", "2026-01-31T12|1.0\n", "2026-01-31T25|1.0"),
        *("2026-01-31T12|1234567.0", "2026-01-31T12|" + "1.0," * 24 + "1.0", None, 7, b"x", []),
        "2026-01-31T12|\u0661.\u0661",
    ],
)
def test_what_can_not_be_read_counts_as_nothing(garbage: Any) -> None:
    assert hours(garbage) == {"mails": {}, "failures": {}}
    assert activity.counted(garbage, _NOON, 1, 0) == "2026-01-31T12|1.0"


@given(st.text(alphabet="0123456789-T|.,", max_size=60) | st.text(max_size=20))
def test_no_text_upsets_it(text: str) -> None:
    assert hours(activity.counted(text, _NOON, 1, 0))["mails"][0] >= 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1)
)
def test_it_stays_short_and_can_be_read_again(steps: list[tuple[int, int, int]]) -> None:
    text, now = "", _NOON
    for later, mails, failures in steps:
        now += timedelta(hours=later)
        text = activity.counted(text, now, mails, failures)
    assert len(text) <= 350
    assert activity.counted(text, now, 0, 0) == text
