"""Timer triggers."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

from azure_functions_runtime.bindings.datumdef import Datum

from .functions import Function, TimerTrigger
from .invocations import Invocations

_LOG = logging.getLogger("Host.Timers")
_LATE_SECONDS = 1.0
# The clock may be set or the machine may sleep; so the time is looked at once in a while.
_LONGEST_SLEEP_SECONDS = 30.0


class Timer:
    """Fires one function on its schedule and, with `beat_seconds`, at that interval too.

    Two runs never overlap, and what falls due during a run is left out, as on Azure.
    """

    def __init__(
        self,
        function: Function,
        trigger: TimerTrigger,
        invocations: Invocations,
        beat_seconds: float | None,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invocations = invocations
        self._beat = None if beat_seconds is None else timedelta(seconds=beat_seconds)
        self._alone = asyncio.Lock()
        self._last: datetime | None = None

    async def fire(self, *, past_due: bool = False) -> None:
        """Run the function, after the run that may be under way."""
        async with self._alone:
            await self._invocations.run(self._function, self._request(past_due), {})
            self._last = datetime.now(UTC)

    async def keep_time(self) -> None:
        """Fire for ever; a run that is under way survives the end of this."""
        if self._trigger.run_on_startup:
            await asyncio.shield(self._invocations.start(self.fire()))
        while (due := self._next(datetime.now(UTC))) is not None:
            await _sleep_until(due)
            late = (datetime.now(UTC) - due).total_seconds() > _LATE_SECONDS
            await asyncio.shield(self._invocations.start(self.fire(past_due=late)))
        _LOG.warning("timer %s never comes due", self._function.name)

    def _next(self, now: datetime) -> datetime | None:
        scheduled = self._trigger.schedule.next_after(now)
        beat = None if self._beat is None else now + self._beat
        return min((due for due in (scheduled, beat) if due is not None), default=None)

    def _request(self, past_due: bool) -> Datum:
        now = datetime.now(UTC)
        upcoming = self._next(now)
        status = {
            "Last": (self._last or datetime.min.replace(tzinfo=UTC)).isoformat(),
            "LastUpdated": now.isoformat(),
            "Next": None if upcoming is None else upcoming.isoformat(),
        }
        request = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status,
            "IsPastDue": past_due,
        }
        return Datum(json.dumps(request), "json")


async def _sleep_until(due: datetime) -> None:
    while (seconds := (due - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(seconds, _LONGEST_SLEEP_SECONDS))
