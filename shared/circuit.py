"""A circuit: how an endpoint that fails is spared, and when it is given up. Pure.

It opens after 5 failures in a row of at least 3 different events; then one event at a time is sent
as a probe, after 1, 2, 4 … 30 minutes. A success closes it. Kept in the endpoint's row, which is
written when one of these columns changes and not before.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import instants

FAILURES = 5
EVENTS = 3
GIVEN_UP_AFTER = timedelta(days=5)
_MAX_PROBE_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Circuit:
    """failing_since: '' while it works. probes: made since it opened. probe_at: '' while closed."""

    failing_since: str = ""
    probes: int = 0
    probe_at: str = ""

    @property
    def is_open(self) -> bool:
        return bool(self.probe_at)

    def failed(self, now: datetime, *, opens: bool) -> "Circuit":
        """After one more failure; `opens`: it was one too many."""
        since = self.failing_since or instants.text(now)
        if not self.is_open and not opens:
            return replace(self, failing_since=since)
        minutes = min(2**self.probes, _MAX_PROBE_MINUTES)
        probe_at = instants.after(now, minutes * 60)
        return Circuit(since, self.probes + 1, probe_at)

    def is_given_up(self, now: datetime) -> bool:
        """Whether it has failed for so long that nobody seems to miss it."""
        if not self.failing_since:
            return False
        return now - instants.parse(self.failing_since) >= GIVEN_UP_AFTER


@dataclass(slots=True)
class Failures:
    """Failures in a row, as this process has seen them."""

    count: int = 0
    events: frozenset[str] = frozenset()

    def add(self, webhook_id: str) -> bool:
        """Whether this one is too many."""
        self.count += 1
        if len(self.events) < EVENTS:
            self.events |= {webhook_id}
        return self.count >= FAILURES and len(self.events) >= EVENTS

    def clear(self) -> None:
        self.count, self.events = 0, frozenset()
