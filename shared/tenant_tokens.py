"""Tokens of the application in its own name: one cache for each tenant, for all its mailboxes.

Such a token comes without a refresh token and without an owner: what can go wrong is that the
tenant's administrator has to act, which blocks its accounts, and never that somebody signs in.
"""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app_circuit import AppCircuit
from shared.errors import Blocked, OperatorFault, ReconnectNeeded, Rejected, Stale, TryAgain
from shared.logs import Log
from shared.microsoft import Microsoft, Token
from shared.token_store import TENANT, StoredToken, TokenStore

log = Log(__name__)

_NOTHING = b"{}"
_STILL_GOOD = timedelta(minutes=6)
# A mailbox that refuses a token of this age would refuse the next one too.
_FRESH = timedelta(minutes=1)
# In a tenant's own authority these say that the app is not there, or was not consented to.
_NOT_CONSENTED = {
    *("AADSTS700016", "AADSTS7000112", "AADSTS650052", "AADSTS65001", "AADSTS90094"),
    *("AADSTS500011", "AADSTS501051", "AADSTS50105"),
}
_NOT_CONSENTED_CODES = {"consent_missing", "admin_consent_needed", "cancelled"}
_NO_TENANT = {"AADSTS90002", "AADSTS900023"}


@dataclass(frozen=True, slots=True)
class _Held:
    token: Token
    asked_at: datetime | None = None


class TenantTokens:
    """Gives tokens; safe to share between threads, of which one at a time asks for a tenant."""

    def __init__(
        self, tokens: TokenStore, microsoft: Microsoft, circuit: AppCircuit, window: timedelta
    ) -> None:
        self._tokens = tokens
        self._microsoft = microsoft
        self._circuit = circuit
        self._window = window
        self._held: dict[str, _Held] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def token(self, tid: str, now: datetime, *, force: bool = False) -> Token:
        """A token that is good for more than a few minutes; force: the one we have was refused.

        Raises Blocked where the tenant's administrator has to act, TryAgain or OperatorFault.
        """
        with self._lock_of(tid):
            held = self._held.get(tid)
            if held and self._is_good(held, now, force=force):
                return held.token
            stored = self._tokens.get(TENANT, tid)
            if stored and not force and stored.expires_at - now > self._window:
                return self._remembered(
                    tid, _Held(self._microsoft.app_token(tid, stored.cache, now))
                )
            try:
                return self._asked(tid, stored, now)
            except (TryAgain, OperatorFault) as error:
                if force or stored is None or stored.expires_at - now <= _STILL_GOOD:
                    raise
                log.warning("token_kept", tenant=tid, error=error)
                return self._microsoft.app_token(tid, stored.cache, now)

    def ask(self, tid: str, now: datetime) -> Token:
        """A new token in any case."""
        with self._lock_of(tid):
            return self._asked(tid, self._tokens.get(TENANT, tid), now)

    def _is_good(self, held: _Held, now: datetime, *, force: bool) -> bool:
        if force:
            return held.asked_at is not None and now - held.asked_at < _FRESH
        return held.token.expires_at - now > self._window

    def _asked(self, tid: str, stored: StoredToken | None, now: datetime) -> Token:
        admission = self._circuit.admit(now)
        try:
            fresh = self._microsoft.app_token(tid, _NOTHING, now)
        except (OperatorFault, ReconnectNeeded, Rejected) as error:
            self._circuit.learn(admission, error, now)
            raise _refusal(error) from None
        self._circuit.learn(admission, None, now)
        self._save(tid, stored, fresh)
        log.info("token_renewed", tenant=tid)
        return self._remembered(tid, _Held(fresh, now))

    def _save(self, tid: str, stored: StoredToken | None, fresh: Token) -> None:
        if stored is None:
            new = StoredToken(tid, TENANT, TENANT, fresh.cache, fresh.expires_at)
            self._tokens.put(new)
            return
        try:
            self._tokens.save(stored, fresh)
        except Stale:
            return  # removed meanwhile; the next one who needs it asks

    def _remembered(self, tid: str, held: _Held) -> Token:
        self._held[tid] = replace(held, token=replace(held.token, cache=b""))
        return held.token

    def _lock_of(self, tid: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(tid, threading.Lock())


def _refusal(error: OperatorFault | ReconnectNeeded | Rejected) -> Exception:
    """What a refusal means for an application in a tenant."""
    if error.detail in _NO_TENANT:
        return Blocked("tenant_unknown", error.detail)
    if error.detail in _NOT_CONSENTED or error.code in _NOT_CONSENTED_CODES:
        return Blocked("app_not_consented", error.detail)
    return error if isinstance(error, OperatorFault) else Blocked(error.code, error.detail)
