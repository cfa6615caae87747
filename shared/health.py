"""Health: whether the app can do its work, in codes of the catalogue that say what to fix.

`Health` is for anybody and answers in one word; `shared.health_details` is for the operator.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from shared import instants
from shared.catalogue import ENTRIES
from shared.errors import SettingsError, UnseenError

if TYPE_CHECKING:  # the table service's SDK is not needed to say that settings are wrong
    from shared.once import Once
    from shared.settings import Settings

_TIMER_IS_LATE = timedelta(minutes=3)
_EXPIRY_IS_NEAR = timedelta(days=30)
_CACHED = timedelta(seconds=30)


class Health:
    """What the timer's heartbeat says, and when our credential ends.

    settings: ours; the timer may run with others. started_at: when this process began to look; a
    timer that never ran is late from then on.
    """

    def __init__(self, once: "Once", settings: "Settings", started_at: datetime) -> None:
        self._once = once
        self._expires_on = settings.credential_expires_on
        self._layout = settings.shards, settings.shards_before
        self._started_at = started_at
        self._lock = threading.Lock()
        self._answer = ""
        self._good_until = started_at

    def report(self, now: datetime) -> dict[str, str]:
        """`status`: ok or degraded. One row is read, and not again for 30 s in this process."""
        with self._lock:
            if not self._answer or not self._good_until - _CACHED <= now < self._good_until:
                self._answer = _status(self._problems(now))
                self._good_until = now + _CACHED
            return {"status": self._answer}

    def _problems(self, now: datetime) -> list[dict[str, str]]:
        try:
            beat = self._once.heartbeat()
        except UnseenError as error:
            return [told(error.code)]
        return self.problems(beat or {}, now)

    def problems(self, beat: Mapping[str, Any], now: datetime) -> list[dict[str, str]]:
        """What is wrong, each with `code` and `message`; beat: the heartbeat's row, or empty."""
        found = []
        if code := expiry_code(self._expires_on, now):
            found.append(told(code))
        if "shards" in beat and (beat["shards"], beat["shards_before"]) != self._layout:
            found.append(told("shards_changed"))
        if beat.get("alarm"):
            found.append(told(beat["alarm"], since=beat["alarm_since"]))
        last = instants.parse(beat["at"]) if beat.get("at") else self._started_at
        if last + _TIMER_IS_LATE <= now:
            found.append(told("timer_late", since=instants.text(last)))
        elif beat.get("stale"):
            found.append(told("accounts_stale"))
        return found


def expiry_code(expires_on: date | None, now: datetime) -> str:
    """The code of an alarm about the end of our credential; '' where there is none to give.

    The portal shows the day; a secret ends in the course of it.
    """
    if expires_on is None:
        return ""
    ends = datetime.combine(expires_on, time(), UTC)
    if now >= ends:
        return "credentials_expired"
    return "credentials_expire_soon" if now >= ends - _EXPIRY_IS_NEAR else ""


def told(code: str, **more: str) -> dict[str, str]:
    """A problem as an operator reads it."""
    return {"code": code, "message": ENTRIES[code].operator, **more}


def _status(problems: list[dict[str, str]]) -> str:
    return "degraded" if problems else "ok"


def standing(problems: list[dict[str, str]]) -> dict[str, Any]:
    """`status`, and the problems behind it where there are any."""
    return {"status": _status(problems), **({"problems": problems} if problems else {})}


def of_settings(error: SettingsError) -> dict[str, Any]:
    """The report where settings are missing or wrong: each by name, never its value."""
    return standing([{"setting": name, "message": why} for name, why in error.problems])
