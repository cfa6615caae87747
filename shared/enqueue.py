"""Enqueue: finds the accounts that are due, claims them, and says which messages to send."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from shared import health, instants, places, staleness, tend
from shared.catalogue import ENTRIES
from shared.claims import BATCH, Claim, Claims, batches, overdue_since
from shared.directory import known_form
from shared.errors import OperatorFault, TryAgain, UnseenError
from shared.logs import Log, correlated
from shared.once import Once
from shared.settings import Settings
from shared.tables import Row

log = Log(__name__)

_PURGE_MINUTES = 10
_NAMED = 50
CLAIMING_SECONDS = 50  # messages leave at the run's end, and the next tick is near


@dataclass(slots=True)
class _Seen:
    """What a scan found: rows that are due, and rows of stale accounts."""

    due: list[Row] = field(default_factory=list)
    stale: list[Row] = field(default_factory=list)

    @property
    def fields(self) -> dict[str, str | int]:
        """Columns of the heartbeat; of the stale, those that were read longest ago are named."""
        oldest = min(self.due, key=lambda row: str(row["next_due_at"]), default=None)
        named = sorted([row["last_success_at"], row["RowKey"]] for row in self.stale)[:_NAMED]
        return {
            "due": len(self.due),
            "oldest_due_at": oldest["next_due_at"] if oldest else "",
            "oldest_due": oldest["RowKey"] if oldest else "",
            "stale": len(self.stale),
            "stale_accounts": json.dumps([[key, at] for at, key in named]),
        }


class Enqueue:
    """The timer's work.

    settle: ends the move of an account that arrived in its new shard, and was left there. batch: so
    many accounts go into one queue message. claiming_seconds: what is not claimed by then waits for
    the next tick, which begins with it: a run that the host ends sends none of its messages.
    """

    def __init__(
        self,
        claims: Claims,
        once: Once,
        settings: Settings,
        clock: instants.Clock,
        settle: Callable[[str, str], object],
        *,
        batch: int = BATCH,
        claiming_seconds: float = CLAIMING_SECONDS,
    ) -> None:
        self._claims = claims
        self._once = once
        self._expires_on = settings.credential_expires_on
        self._interval = settings.check_interval_seconds
        self._layout = {"shards": settings.shards, "shards_before": settings.shards_before}
        self._known_layout: dict[str, int] = {}
        self._now = clock
        self._settle = settle
        self._batch = batch
        self._claiming_seconds = claiming_seconds
        self._alarmed_on: date | None = None

    def enqueue(self, tick: datetime) -> list[str]:
        """Claims what is due at `tick`; gives one queue message per claim.

        What is claimed and never sent comes due when its claim ends.
        """
        seen = _Seen()
        due: list[list[Row]] = []
        horizon = staleness.horizon(tick, self._interval)
        for shard in self._claims.shards:
            rows, found = self._scanned(shard, tick, horizon)
            seen.due += rows
            seen.stale += [row for row in found if staleness.is_stale(row, horizon)]
            due += batches(rows, self._batch)
        messages = self._claimed(due, tick)
        log.info("tick", due=len(seen.due), messages=len(messages), stale=len(seen.stale))
        self._alarm(tick)
        self._look_after_itself(tick, seen)
        return messages

    def _claimed(self, due: list[list[Row]], tick: datetime) -> list[str]:
        """A message for each batch that could be claimed in time, the longest overdue first."""
        messages: list[str] = []
        deadline = time.monotonic() + self._claiming_seconds
        for done, batch in enumerate(sorted(due, key=overdue_since)):
            if done and time.monotonic() >= deadline:
                log.warning("tick_cut_short", batches=done, left=len(due) - done)
                break
            try:
                claim = self._claims.claim(batch, tick, self._now())
            except TryAgain as error:
                log.warning("batch_not_claimed", error=error)
                continue
            if claim:
                messages.append(_message(claim, len(batch)))
        return messages

    def _scanned(
        self, shard: str, tick: datetime, horizon: staleness.Horizon
    ) -> tuple[list[Row], list[Row]]:
        """What is due and what was found at all, without copies of accounts that are moved."""
        due, found = self._claims.scan(shard, tick, horizon.read)
        for row in filter(places.is_arriving, due):
            try:
                self._settle(*row.key)
            except UnseenError as error:
                log.warning("move_not_ended", account=row["RowKey"], error=error)
        there = [row for row in found if not places.is_arriving(row)]
        return [row for row in due if not places.is_arriving(row)], there

    def _look_after_itself(self, tick: datetime, seen: "_Seen") -> None:
        """Purge and heartbeat; what fails here must not lose the messages of what is claimed.

        What has expired is refused whether it is there or not: a busy tick seldom looks for it.
        """
        try:
            if not seen.due or tick.minute % _PURGE_MINUTES == 0:
                self._once.purge(tick)
                self._look_at_the_layout()
            self._once.beat(tick, **self._known_layout, **seen.fields)
        except UnseenError as error:
            log.warning("no_heartbeat", error=error)

    def _look_at_the_layout(self) -> None:
        """Seldom: what is found is tended to where it is, whether it belongs there or not."""
        try:
            self._claims.verify()
            self._known_layout = self._layout
        except OperatorFault as error:
            log.error("alarm", code=error.code, message=error.entry.operator)

    def _alarm(self, tick: datetime) -> None:
        """Once a day, where our client secret is about to end."""
        code = health.expiry_code(self._expires_on, tick)
        if code and self._alarmed_on != tick.date():
            self._alarmed_on = tick.date()
            log.error("alarm", code=code, message=ENTRIES[code].operator)

    def now(self, account_id: str) -> list[str]:
        """Makes one account due now; gives its queue message, none where a claim is running.

        Raises Rejected `account_unknown` or `account_inactive`.
        """
        claim = self._claims.claim_now(known_form(account_id), self._now())
        return [_message(claim, 1)] if claim else []


def _message(claim: Claim, accounts: int) -> str:
    """The claim's queue message; from here on its mark is the correlation id."""
    with correlated(claim.claim):
        log.info("batch_enqueued", accounts=accounts)
    return tend.message(claim)
