"""The time spans that host.json and timer schedules are written in."""

import re
from datetime import timedelta

from .errors import HostError

_TIME_SPAN = re.compile(
    r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(?:\.\d+)?)"
)


def parse_time_span(text: str) -> timedelta:
    """Read `[d.]hh:mm:ss[.fff]`, as .NET writes a TimeSpan; raises HostError."""
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        raise HostError(f"not a time span ([d.]hh:mm:ss): {text!r}")
    return timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=float(match["seconds"]),
    )
