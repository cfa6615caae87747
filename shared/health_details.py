"""Health in detail, for the operator: each part by name, and the accounts that are in trouble."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from shared import health
from shared.accounts import Accounts
from shared.errors import UnseenError
from shared.health import Health, told
from shared.microsoft import Microsoft
from shared.once import Once
from shared.settings import Settings

_COUNTED = ("poisoned", "dropped")


@dataclass(frozen=True, slots=True)
class HealthDetails:
    """Asks every part how it is; for a person or a dashboard, not for a probe each second."""

    settings: Settings
    health: Health
    once: Once
    accounts: Accounts
    microsoft: Microsoft

    def report(self, now: datetime) -> dict[str, Any]:
        """`status`, `problems`, and what each part says, as far as storage lets it be known."""
        problems: list[dict[str, str]] = []
        platform = self._identity_platform(problems)
        try:
            beat: Mapping[str, Any] = self.once.heartbeat() or {}
            stored = _timer(beat) | self._counts()
            problems += self.health.problems(beat, now)
            storage = "ok"
        except UnseenError as error:
            problems += [told(error.code), *self.health.problems({}, now)]
            stored, storage = {}, error.code
        return {
            **health.standing(problems),
            "settings": "ok",
            "storage": storage,
            "storage_access": self.settings.storage.access,
            "identity_platform": platform,
            "client_credential": self._credential(now),
            **stored,
        }

    def _identity_platform(self, problems: list[dict[str, str]]) -> str:
        try:
            self.microsoft.server_time()
        except UnseenError as error:
            problems.append(told(error.code))
            return error.code
        return "ok"

    def _credential(self, now: datetime) -> dict[str, Any]:
        """days_left: whole days; null where nobody said when it ends, or nothing ever does."""
        ends = self.settings.credential_expires_on
        left = (datetime.combine(ends, time(), UTC) - now).days if ends else None
        return {
            "kind": self.settings.credential_kind,
            "expires_on": ends.isoformat() if ends else None,
            "days_left": left,
        }

    def _counts(self) -> dict[str, Any]:
        owing = self.accounts.owing()
        since = [row["owed_since"] for row in owing if row["owed_since"]]
        return {
            "outbox": {
                "owed": sum(row["owed"] for row in owing),
                "oldest_owed_at": min(since, default=None),
                "dead": sum(row["dead"] for row in owing),
            },
            "queue_messages": {name: self.once.counted(name) for name in _COUNTED},
        }


def _timer(beat: Mapping[str, Any]) -> dict[str, Any]:
    """What the timer saw when it last ran."""
    stale = json.loads(beat.get("stale_accounts", "[]"))
    return {
        "timer": {
            "last_tick": beat.get("at"),
            "due": beat.get("due", 0),
            "oldest_due_at": beat.get("oldest_due_at") or None,
            "oldest_due_account": beat.get("oldest_due") or None,
        },
        "stale": {
            "count": beat.get("stale", 0),
            "accounts": [{"id": one, "last_success_at": at} for one, at in stale],
        },
    }
