"""Health: whether the app can do its work, in terms that say what to fix."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import instants
from shared.errors import SettingsError, UnseenError

if TYPE_CHECKING:  # the table service's SDK is not needed to say that settings are wrong
    from shared.once import Once

_TIMER_IS_LATE = timedelta(minutes=10)


class Health:
    """What the rows of table `once` say about the timer and the queue."""

    def __init__(self, once: "Once") -> None:
        self._once = once

    def report(self, now: datetime) -> dict[str, Any]:
        """`status` is ok or degraded; `problems` says why."""
        try:
            beat = self._once.heartbeat()
            lost = {name: self._once.counted(name) for name in ("poisoned", "dropped")}
        except UnseenError as error:
            return degraded([{"code": error.code, "message": error.entry.operator}])
        late = beat and instants.parse(beat["at"]) + _TIMER_IS_LATE < now
        report = degraded([_LATE]) if late else {"status": "ok"}
        return report | {"last_tick": beat["at"] if beat else None, "queue_messages": lost}


_LATE = {"code": "timer_late", "message": "The timer has not run for more than 10 minutes."}


def degraded(problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"status": "degraded", "problems": problems}


def of_settings(error: SettingsError) -> dict[str, Any]:
    """The report where settings are missing or wrong: each by name, never its value."""
    return degraded([{"setting": name, "message": why} for name, why in error.problems])
