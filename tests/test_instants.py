"""Instants as text: fixed width, UTC, in the order of time."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from shared import instants

_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_an_instant_comes_back_as_it_was_written() -> None:
    assert instants.text(_NOON) == "2026-01-31T12:00:00Z"
    assert instants.parse("2026-01-31T12:00:00Z") == _NOON


def test_text_sorts_as_time_does() -> None:
    moments = [_NOON + timedelta(hours=hours) for hours in (0, 1, 12, 24 * 40, 24 * 400)]
    texts = [*map(instants.text, moments), instants.NEVER]
    assert texts == sorted(texts)
    assert len({len(text) for text in texts}) == 1


def test_what_has_happened_is_cut_and_what_is_due_is_rounded_up() -> None:
    moment = _NOON + timedelta(microseconds=1)
    assert instants.text(moment) == "2026-01-31T12:00:00Z"
    assert instants.due_text(moment) == "2026-01-31T12:00:01Z"
    assert instants.due_text(_NOON) == "2026-01-31T12:00:00Z"


def test_due_is_never_early() -> None:
    assert instants.after(_NOON, 0.2) == "2026-01-31T12:00:01Z"
    assert instants.after(_NOON, -30) == "2026-01-31T11:59:30Z"


def test_f51_another_zones_time_becomes_utc() -> None:
    assert instants.text(_NOON.astimezone(timezone(timedelta(hours=9)))) == "2026-01-31T12:00:00Z"


def test_f51_the_hour_that_comes_twice_in_autumn_keeps_its_order() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert instants.text(first) == "2026-10-25T00:30:00Z"
    assert instants.text(first.replace(fold=1)) == "2026-10-25T01:30:00Z"


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z"),
        *("2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00.5Z"),
        *("2026-01-31 12:00:00Z", "20260131T120000Z", "2026-W05-6T12:00:00Z", "2026-1-31T12:0:0Z"),
        *("0001-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"),
    ],
)
def test_other_text_is_no_instant(value: str) -> None:
    with pytest.raises(ValueError, match=r"instant|isoformat|day"):
        instants.parse(value)


def test_never_is_a_date_too() -> None:
    assert instants.text(instants.parse(instants.NEVER)) == instants.NEVER
