"""Renew: the access token for a mailbox; Microsoft is asked when too little of it is left."""

import logging
import threading
from dataclasses import replace
from datetime import datetime, timedelta

from shared.accounts import APP_ONLY, Account
from shared.errors import ReconnectNeeded, Stale, TryAgain
from shared.microsoft import Microsoft, Token
from shared.tables import Row
from shared.tenant_tokens import TenantTokens
from shared.token_store import StoredToken, TokenStore

log = logging.getLogger(__name__)

# MSAL takes a token with less than five minutes left for expired and would ask by itself.
_STILL_GOOD = timedelta(minutes=6)
_REMEMBERED = 10_000


class Renewal:
    """Gives access tokens; what Microsoft answered is stored before the token is given out."""

    def __init__(
        self,
        tokens: TokenStore,
        microsoft: Microsoft,
        window: timedelta,
        tenants: TenantTokens,
    ) -> None:
        self._tokens = tokens
        self._microsoft = microsoft
        self._window = window
        self._tenants = tenants
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
        stored = self._tokens.open(row) if row else self._tokens.get(account.shard, account.id)
        if stored is None or stored.generation != account.generation:
            raise Stale("tokens")
        token = self._renewed(stored, now, force)
        self._remember(account, token)
        return token

    def _renewed(self, stored: StoredToken, now: datetime, force: bool) -> Token:
        left = stored.expires_at - now
        if not force and left > self._window:
            return self._microsoft.token(stored.cache, now)
        try:
            return self._ask(stored, now)
        except TryAgain:
            if force or left <= _STILL_GOOD:
                raise
            log.warning("token kept: account=%s Microsoft did not answer", stored.account)
            return self._microsoft.token(stored.cache, now)
        except ReconnectNeeded:
            newer = self._tokens.get(stored.shard, stored.account)
            if newer is None or newer.generation != stored.generation:
                raise Stale("tokens") from None
            if newer.rt_version <= stored.rt_version:
                raise
            return self._ask(newer, now)  # another run was faster; once with what it stored

    def _ask(self, stored: StoredToken, now: datetime) -> Token:
        fresh = self._microsoft.token(stored.cache, now, force=True)
        saved = self._tokens.save(stored, fresh)
        log.info("token renewed: account=%s rt_version=%d", saved.account, saved.rt_version)
        return fresh if saved.cache == fresh.cache else self._microsoft.token(saved.cache, now)

    def _remember(self, account: Account, token: Token) -> None:
        with self._lock:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[account.id, account.generation] = replace(token, cache=b"")
