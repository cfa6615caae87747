"""Disconnect: a tombstone first, then everything else, in steps that can each be repeated.

The tombstone has no address and no claim; from then on a check in flight can only fail, because
`state` and cursors go next. What a kill leaves is found by the next turn.
"""

import time
from dataclasses import replace
from typing import Any

from shared import events, instants
from shared.account_rows import APP_ONLY, SYSTEM, Account
from shared.accounts import Accounts
from shared.directory import known_form
from shared.endpoints import Endpoints
from shared.errors import Rejected, Stale, TryAgain
from shared.filters import Subject
from shared.logs import Log
from shared.outbox import Outbox
from shared.system import System
from shared.token_store import TENANT, TokenStore

log = Log(__name__)

_ROUNDS = 6
_REVOKE_PERSONAL = "https://account.live.com/consent/Manage"
_REVOKE_WORK = "https://myapps.microsoft.com"


class Disconnect:
    """Removes accounts."""

    def __init__(
        self,
        accounts: Accounts,
        outbox: Outbox,
        tokens: TokenStore,
        endpoints: Endpoints,
        system: System,
        clock: instants.Clock,
    ) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._tokens = tokens
        self._endpoints = endpoints
        self._system = system
        self._now = clock

    def disconnect(self, account_id: str, seconds: float = 10) -> dict[str, Any]:
        """Removes the account: `removed` says whether all of it is gone, else `tend` goes on.

        `revoke_at` is where the owner takes the permission back: no app can do that at Microsoft.
        Raises Rejected `account_unknown` where there is none.
        """
        tombstone, account = self._buried(known_form(account_id))
        if account.kind == APP_ONLY:
            # The tenant's other accounts ask for another.
            self._tokens.delete(TENANT, account.tid)
        log.info("disconnected", account=account_id)
        removed = self.purge(tombstone, time.monotonic() + seconds)
        if removed:
            self._accounts.drop(tombstone)
        revoke_at = _REVOKE_PERSONAL if account.kind == "personal" else _REVOKE_WORK
        return {"id": account_id, "removed": removed, "revoke_at": revoke_at}

    def _buried(self, account_id: str) -> tuple[Account, Account]:
        """The tombstone, and the account that was there."""
        for _ in range(_ROUNDS):
            account = self._accounts.get(account_id)
            if account is None or account.deleted_at or account.id == SYSTEM:
                raise Rejected("account_unknown", status=404)
            now = instants.text(self._now())
            tombstone = Account(
                id=account.id,
                shard=account.shard,
                reference=account.reference,
                generation=account.generation,
                status="disconnected",
                endpoints=self._who_is_told(account),
                deleted_at=now,
                next_due_at=now,
                etag=account.etag,
            )
            try:
                etag = self._accounts.replace(tombstone)
            except Stale:
                continue
            return replace(tombstone, etag=etag), account
        raise TryAgain("stale", "accounts")

    def _who_is_told(self, account: Account) -> tuple[str, ...]:
        """Found out while reference, labels and endpoints of its own are still known."""
        subject = Subject(events.ACCOUNT_DISCONNECTED, account.reference, account.labels)
        found = self._endpoints.takers(account.endpoints, account.common_endpoints, subject)
        return tuple(endpoint.id for endpoint in found)

    def purge(self, tombstone: Account, deadline: float) -> bool:
        """Removes what is left of a disconnected account; True once nothing is."""
        account_id = tombstone.id
        if self._is_over(tombstone):
            return True
        self._outbox.remove(account_id, "state", "cursor:")
        self._tokens.delete(tombstone.shard, account_id)
        if tombstone.endpoints:
            self._system.tell(events.disconnected(tombstone, SYSTEM, tombstone.deleted_at))
        while self._outbox.remove(account_id, "owed:", "dead:", "done:"):
            if time.monotonic() > deadline:
                return False
        if self._is_over(tombstone):
            return True
        # A record that was under way when `state` went has failed; nothing can come after it.
        return not self._outbox.remove(account_id, "state", "cursor:")

    def _is_over(self, tombstone: Account) -> bool:
        """Somebody else came to the end of it; what is there now is of a new sign-in."""
        now = self._accounts.get(tombstone.id)
        return not now or not now.deleted_at or now.generation != tombstone.generation
