"""When a timer fires: NCRONTAB expressions and constant time spans, in UTC.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from .errors import HostError
from .time_spans import parse_time_span


@dataclass(frozen=True)
class Schedule:
    """Either a cron expression (six fields, seconds first) or a period."""

    cron: str | None
    period: timedelta | None

    def next_after(self, moment: datetime) -> datetime | None:
        """Give the first occurrence later than `moment`; None where there is none any more."""
        if self.period is not None:
            return moment + self.period
        assert self.cron is not None
        return next(_occurrences(self.cron, moment), None)


def parse_schedule(text: str) -> Schedule:
    """Read a six-field expression, a five-field one (second 0) or `hh:mm:ss`; raises HostError."""
    if ":" in text:
        period = parse_time_span(text)
        if not period:
            raise HostError(f"a timer cannot fire every {text}")
        return Schedule(cron=None, period=period)
    try:
        _occurrences(text, datetime.now(UTC))
    except CronSimError as error:
        raise HostError(f"not an NCRONTAB expression: {text!r} ({error})") from error
    return Schedule(cron=text, period=None)


def _occurrences(cron: str, moment: datetime) -> CronSim:
    occurrences = CronSim(cron, moment)
    # NCRONTAB wants both the day of the month and the day of the week to match; Debian's cron,
    # which the library follows, is content with one of them where both are restricted.
    occurrences.day_and = True
    return occurrences
