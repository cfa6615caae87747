"""Dates as mail programs write them."""

import pytest

from shared import mail_dates


@pytest.mark.parametrize(
    "line",
    [
        "Wed, 31 Jan 2024 13:00:00 +0100",
        "31 Jan 2024 12:00 GMT",
        "31 jan 24 12:00:00 Z",
        "Wed,31 Jan 2024 13:00:00+0100 (CET)",
        "Wed, 31 (a (nested) comment) Jan 2024 07 : 00 : 00 EST",
        "Wed, 31 January 2024 13:00:00 GMT+0100",
        "Mi, 31 Jan 2024 13:00:00 +01:00",
        "31-Jan-2024 13:00:00 CET",
        "Wed Jan 31 12:00:00 2024",
        "Wed Jan 31 13:00:00 CET 2024",
        "2024-01-31T12:00:00.123Z",
        "Wed, 31 Jan 2024 12:00:00 PM +0000",
        "31 01 2024 12:00:00 -0000",
        "Thu, 1 Feb 2024 02:00:00 +1400",
        "31 Jan 2024 12:00:00 NOZONE",
    ],
)
def test_a_date_is_an_instant(line: str) -> None:
    found = mail_dates.read(line)
    assert found is not None
    assert found.isoformat() == "2024-01-31T12:00:00+00:00"


@pytest.mark.parametrize(
    "line", ["", "yesterday", "31 Foo 2024 12:00:00", "32 Jan 2024", "31 Jan 2024 25:00:00", "()"]
)
def test_what_is_no_date_is_none(line: str) -> None:
    assert mail_dates.read(line) is None


@pytest.mark.parametrize(("year", "full"), [("49", 2049), ("50", 1950), ("099", 1999)])
def test_old_years_are_short(year: str, full: int) -> None:
    found = mail_dates.read(f"1 Jan {year} 00:00:00 +0000")
    assert found is not None and found.year == full


def test_a_date_outside_the_calendar_is_none() -> None:
    assert mail_dates.read("1 Jan 0001 00:00:00 +1400") is None
