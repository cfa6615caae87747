"""Enqueue: finds the accounts that are due, claims them, and says which messages to send."""

import logging
from datetime import date, datetime

from shared import health, instants, tend
from shared.catalogue import ENTRIES
from shared.claims import BATCH, Claims, batches
from shared.directory import known_form
from shared.errors import TryAgain, UnseenError
from shared.once import Once

log = logging.getLogger(__name__)

_PURGE_MINUTES = 10


class Enqueue:
    """The timer's work. batch: so many accounts go into one queue message."""

    def __init__(
        self,
        claims: Claims,
        once: Once,
        expires_on: date | None,
        clock: instants.Clock,
        batch: int = BATCH,
    ) -> None:
        self._claims = claims
        self._once = once
        self._expires_on = expires_on
        self._now = clock
        self._batch = batch
        self._alarmed_on: date | None = None

    def enqueue(self, tick: datetime) -> list[str]:
        """Claims everything that is due at `tick`; gives one queue message per claim.

        What is claimed and never sent comes due when its claim ends.
        """
        messages = []
        due_count, oldest = 0, ""
        for shard in self._claims.shards:
            due = self._claims.due(shard, tick)
            due_count += len(due)
            oldest = min([oldest or instants.NEVER, *(row["next_due_at"] for row in due)])
            for batch in batches(due, self._batch):
                try:
                    claim = self._claims.claim(batch, tick, self._now())
                except TryAgain as error:
                    log.warning("batch not claimed: %s", error)
                    continue
                if claim:
                    messages.append(tend.message(claim))
        log.info("tick: due=%d messages=%d", due_count, len(messages))
        self._alarm(tick)
        self._look_after_itself(tick, due_count, oldest)
        return messages

    def _look_after_itself(self, tick: datetime, due_count: int, oldest: str) -> None:
        """Purge and heartbeat; what fails here must not lose the messages of what is claimed.

        What has expired is refused whether it is there or not: a busy tick seldom looks for it.
        """
        try:
            if not due_count or tick.minute % _PURGE_MINUTES == 0:
                self._once.purge(tick)
            self._once.beat(tick, due=due_count, oldest_due_at=oldest)
        except UnseenError as error:
            log.warning("no heartbeat: %s", error)

    def _alarm(self, tick: datetime) -> None:
        """Once a day, where our client secret is about to end."""
        code = health.expiry_code(self._expires_on, tick)
        if code and self._alarmed_on != tick.date():
            self._alarmed_on = tick.date()
            log.error("ALARM: %s %s", code, ENTRIES[code].operator)

    def now(self, account_id: str) -> list[str]:
        """Makes one account due now; gives its queue message, none where a claim is running.

        Raises Rejected `account_unknown` or `account_inactive`.
        """
        claim = self._claims.claim_now(known_form(account_id), self._now())
        return [tend.message(claim)] if claim else []
