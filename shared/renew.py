"""Renew: the access token for a mailbox; Microsoft is asked when too little of it is left.

One run at a time asks, under the lease in the token's row. An answer that could not be stored is
kept in memory and stored before anything else is done for that account: the refresh token in it may
be the only one that works.
"""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

from shared import instants
from shared.account_rows import APP_ONLY, Account
from shared.app_circuit import AppCircuit
from shared.errors import OperatorFault, ReconnectNeeded, Stale, TryAgain, UnseenError
from shared.logs import Log
from shared.microsoft import Microsoft, Token
from shared.tables import Row
from shared.tenant_tokens import TenantTokens
from shared.token_store import StoredToken, TokenStore

log = Log(__name__)

# MSAL takes a token with less than five minutes left for expired and would ask by itself.
_STILL_GOOD = timedelta(minutes=6)
_REMEMBERED = 10_000


class Renewal:
    """Gives access tokens; what Microsoft answered is stored before the token is given out."""

    def __init__(
        self,
        tokens: TokenStore,
        microsoft: Microsoft,
        circuit: AppCircuit,
        window: timedelta,
        tenants: TenantTokens,
    ) -> None:
        self._tokens = tokens
        self._microsoft = microsoft
        self._circuit = circuit
        self._window = window
        self._tenants = tenants
        self._unsaved: dict[str, tuple[StoredToken, Token]] = {}
        self._remembered: dict[tuple[str, str], Token] = {}
        self._lock = threading.Lock()

    def remembered(self, account: Account, now: datetime) -> Token | None:
        """A token of this process that needs neither the table nor Microsoft."""
        token = self._remembered.get((account.id, account.generation))
        return token if token and token.expires_at - now > self._window else None

    def token(
        self, account: Account, now: datetime, row: Row | None = None, *, force: bool = False
    ) -> Token:
        """A token that is good for more than a few minutes.

        row: the account's row of `tokens` where it was read already. force: the one we have was
        refused. Raises ReconnectNeeded, TryAgain, OperatorFault, or Stale where the account was
        connected anew or removed. An app-only account's is its tenant's, and raises Blocked.
        """
        if account.kind == APP_ONLY:
            return self._tenants.token(account.tid, now, force=force)
        held = None if force else self.remembered(account, now)
        if held:
            return held
        stored = (
            self._tokens.open(row)
            if row
            else self._tokens.get(account.shard, account.id, account.generation)
        )
        if stored is None or stored.generation != account.generation:
            raise Stale("tokens")
        stored = self._with_what_was_not_saved(stored)
        token = self._renewed(stored, now, force)
        self._remember(account, token)
        return token

    def _renewed(self, stored: StoredToken, now: datetime, force: bool) -> Token:
        left = stored.expires_at - now
        if not force and left > self._window:
            return self._microsoft.token(stored.cache, now)
        try:
            return self._ask(stored, now)
        except (TryAgain, OperatorFault) as error:
            if force or left <= _STILL_GOOD or stored.account in self._unsaved:
                raise
            log.warning("token_kept", account=stored.account, error=error)
            return self._microsoft.token(stored.cache, now)
        except ReconnectNeeded:
            newer = self._tokens.get(stored.shard, stored.account, stored.generation)
            if newer is None or newer.generation != stored.generation:
                raise Stale("tokens") from None
            if newer.rt_version <= stored.rt_version:
                raise
            return self._ask(newer, now)  # another run was faster; once with what it stored

    def _ask(self, stored: StoredToken, now: datetime) -> Token:
        stored.raise_if_taken(now)
        admission = self._circuit.admit(now)
        leased = self._tokens.take(stored, now)
        if leased.rt_version > stored.rt_version and leased.expires_at - now > _STILL_GOOD:
            return self._microsoft.token(leased.cache, now)  # another run has just renewed it
        if leased.rt_version > stored.rt_version:
            leased = self._tokens.take(leased, now)
        try:
            fresh = self._microsoft.token(leased.cache, now, force=True)
        except UnseenError as error:
            self._tokens.release(leased, _hold_until(error, now))
            self._circuit.learn(admission, error, now)
            raise
        saved = self._saved(leased, fresh)
        self._circuit.learn(admission, None, now)
        return fresh if saved.cache == fresh.cache else self._microsoft.token(saved.cache, now)

    def _saved(self, leased: StoredToken, fresh: Token) -> StoredToken:
        """Stores the answer; where the table service stays away, it waits in `_unsaved`."""
        try:
            saved = self._tokens.save(leased, fresh)
        except TryAgain:
            self._unsaved[leased.account] = leased, fresh
            log.warning("token_not_stored_yet", account=leased.account)
            raise
        self._unsaved.pop(leased.account, None)
        log.info("token_renewed", account=saved.account, rt_version=saved.rt_version)
        return saved

    def _with_what_was_not_saved(self, stored: StoredToken) -> StoredToken:
        """Stores an answer that is still in memory, unless what is stored is later than it."""
        leased, fresh = self._unsaved.get(stored.account, (None, None))
        if leased is None or fresh is None:
            return stored
        if leased.generation == stored.generation and leased.rt_version == stored.rt_version:
            return self._saved(leased, fresh)
        self._unsaved.pop(stored.account, None)
        return stored

    def _remember(self, account: Account, token: Token) -> None:
        with self._lock:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[account.id, account.generation] = replace(token, cache=b"")


def _hold_until(error: UnseenError, now: datetime) -> str:
    if isinstance(error, TryAgain) and error.retry_after_seconds:
        return instants.after(now, error.retry_after_seconds)
    return ""
