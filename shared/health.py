"""Health: whether the app can do its work, in terms that say what to fix."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from shared import instants
from shared.catalogue import ENTRIES
from shared.errors import SettingsError, UnseenError

if TYPE_CHECKING:  # the table service's SDK is not needed to say that settings are wrong
    from shared.once import Once

_TIMER_IS_LATE = timedelta(minutes=10)
_EXPIRY_IS_NEAR = timedelta(days=30)


class Health:
    """What table `once` says about timer, queue and circuit, and when our secret ends."""

    def __init__(self, once: "Once", expires_on: date | None) -> None:
        self._once = once
        self._expires_on = expires_on

    def report(self, now: datetime) -> dict[str, Any]:
        """`status` is ok or degraded; `problems` says why."""
        problems = _told(expiry_code(self._expires_on, now))
        try:
            beat = self._once.heartbeat()
            lost = {name: self._once.counted(name) for name in ("poisoned", "dropped")}
            circuit = self._once.circuit()
        except UnseenError as error:
            return degraded([*_told(error.code), *problems])
        if circuit and circuit["probe_at"]:
            problems += [one | {"since": circuit["since"]} for one in _told(circuit["code"])]
        if beat and instants.parse(beat["at"]) + _TIMER_IS_LATE < now:
            problems.append(_LATE)
        report = degraded(problems) if problems else {"status": "ok"}
        return report | {"last_tick": beat["at"] if beat else None, "queue_messages": lost}


def expiry_code(expires_on: date | None, now: datetime) -> str:
    """The code of an alarm about the end of our client secret; '' where there is none to give.

    The portal shows the day; the secret ends in the course of it.
    """
    if expires_on is None:
        return ""
    ends = datetime.combine(expires_on, time(), UTC)
    if now >= ends:
        return "credentials_expired"
    return "credentials_expire_soon" if now >= ends - _EXPIRY_IS_NEAR else ""


def _told(code: str) -> list[dict[str, str]]:
    return [{"code": code, "message": ENTRIES[code].operator}] if code else []


_LATE = {"code": "timer_late", "message": "The timer has not run for more than 10 minutes."}


def degraded(problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"status": "degraded", "problems": problems}


def of_settings(error: SettingsError) -> dict[str, Any]:
    """The report where settings are missing or wrong: each by name, never its value."""
    return degraded([{"setting": name, "message": why} for name, why in error.problems])
