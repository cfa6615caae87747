"""System: the pseudo-account whose outbox holds what is no single account's business.

A row in `accounts` without token or mailbox, made on first use and tended to like any other.
"""

import contextlib

from shared import instants
from shared.account_rows import SYSTEM, Account
from shared.accounts import Accounts
from shared.endpoints import Endpoints
from shared.errors import Stale
from shared.ledger import Ledger
from shared.outbox import Outbox
from shared.outbox_rows import Event

_GENERATION = "system"


class System:
    """Tells events of the app itself."""

    def __init__(
        self, accounts: Accounts, outbox: Outbox, endpoints: Endpoints, clock: instants.Clock
    ) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._endpoints = endpoints
        self._now = clock

    def tell(self, event: Event, *, but_not: str = "") -> None:
        """Owes the event, once, to the endpoints that take it; but_not: one that shall not."""
        ledger = Ledger(self._outbox, self._endpoints, self._account(), but_not=but_not)
        ledger.record_once(event)
        # Also where it was there already: a kill may have come between the two writes.
        self._accounts.attempt_soon(SYSTEM, self._now())

    def _account(self) -> Account:
        found = self._accounts.get(SYSTEM)
        if found:
            return found
        self._outbox.open(SYSTEM, _GENERATION)
        new = Account(
            id=SYSTEM,
            shard=self._accounts.shard_of(SYSTEM),
            kind=SYSTEM,
            status=SYSTEM,
            generation=_GENERATION,
        )
        with contextlib.suppress(Stale):  # another process may be faster
            self._accounts.insert(new)
        return self._account()
