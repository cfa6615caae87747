"""NCRONTAB."""

from datetime import UTC, datetime

import pytest

from tests.lab.functions_host.errors import HostError
from tests.lab.functions_host.schedules import parse_schedule

NOW = datetime(2026, 3, 13, 10, 4, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 * * * * *", "2026-03-13T10:05:00"),
        ("*/20 * * * * *", "2026-03-13T10:04:40"),
        ("30 4 10 * * *", "2026-03-14T10:04:30"),
        ("0 30 9 * * 1-5", "2026-03-16T09:30:00"),
        ("0 0 0 1 Jan *", "2027-01-01T00:00:00"),
        ("*/5 * * * *", "2026-03-13T10:05:00"),
        ("00:00:15", "2026-03-13T10:04:45"),
    ],
)
def test_the_next_occurrence_is_later_than_now(text: str, expected: str) -> None:
    found = parse_schedule(text).next_after(NOW)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_day_of_month_and_day_of_week_must_both_match() -> None:
    found = parse_schedule("0 0 0 13 * 5").next_after(NOW)
    assert found == datetime(2026, 11, 13, tzinfo=UTC)


def test_a_date_that_never_comes_has_no_occurrence() -> None:
    assert parse_schedule("0 0 0 30 2 0").next_after(NOW) is None


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * * *", "00:00:00", "a b c d e f"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(HostError):
        parse_schedule(text)
