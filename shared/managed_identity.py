"""Tokens of a managed identity, from the platform's own endpoint on this machine.

MSAL speaks with the endpoint; what it answered is held here. MSAL's own cache costs a search each
time, asks again each time while the endpoint is down, and keeps a token that a service refused.
https://learn.microsoft.com/azure/app-service/overview-managed-identity
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msal
import requests

from shared.errors import TryAgain
from shared.logs import Log

log = Log(__name__)

_TIMEOUT_SECONDS = (3, 10)
_PAUSES_SECONDS = (0.2, 0.8)  # between tries, as long as the endpoint is quick to fail
_QUICK_SECONDS = 2
_RENEWED_SECONDS = 30  # the least between two renewals while the token is good
_REFUSED_SECONDS = 10  # a service that refuses all tokens gets a new one this often
_TOKEN = re.compile(r"[\x21-\x7e]+")

# It logs an answer that is no JSON in full.
logging.getLogger("msal").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class _Held:
    """A token; times are the clock's: from when on it is renewed, and when it ends."""

    token: str = field(default="", repr=False)
    renew_at: float = 0
    ends_at: float = 0


class ManagedIdentity:
    """One identity's tokens for one resource; safe to share between threads.

    client_id: of a user-assigned identity, '' for the app's system-assigned one. clock, wait: in
    seconds.
    """

    def __init__(
        self,
        client_id: str,
        resource: str,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity = (
            msal.UserAssignedManagedIdentity(client_id=client_id)
            if client_id
            else msal.SystemAssignedManagedIdentity()
        )
        self._resource = resource
        self._clock = clock
        self._wait = wait
        self._http = _Http()
        self._lock = threading.Lock()
        self._held = _Held()
        self._failure: TryAgain | None = None
        self._rests_until = 0.0
        self._replaced_until = float("-inf")

    def close(self) -> None:
        self._http.close()

    def token(self, refused: str = "") -> str:
        """A token that is good; not `refused`, which the service did not take, if it can be helped.

        The endpoint is asked by one thread at a time: at first, when half of a token's life is
        over, and once for a refusal. Raises TryAgain with `identity_unavailable` where it does not
        answer, with `identity_refused` where it has no such identity; both only where no token is
        held that is still good.
        """
        held, now = self._held, self._clock()
        if held.token != refused and now < held.renew_at:
            return held.token
        good = held.token != refused and now < held.ends_at
        if not self._lock.acquire(blocking=not good):
            return held.token  # another thread is renewing it
        try:
            return self._renewed(refused)
        finally:
            self._lock.release()

    def _renewed(self, refused: str) -> str:
        """As `token`; what other threads learned while this one waited counts."""
        held, now = self._held, self._clock()
        if held.token and held.token == refused:
            if now < self._replaced_until:
                return refused
            self._replaced_until = now + _REFUSED_SECONDS
        elif now < held.renew_at:
            return held.token
        if self._failure and now < self._rests_until:
            raise TryAgain(self._failure.code, self._failure.detail)
        return self._replace(held, good=held.token != refused and now < held.ends_at)

    def _replace(self, held: _Held, *, good: bool) -> str:
        began = self._clock()
        try:
            self._held, self._failure = self._ask(began), None
        except TryAgain as error:
            log.warning("identity_token_not_renewed", error=error, held=good)
            now = self._clock()
            if good:
                self._held = _Held(held.token, _renew_at(now, held.ends_at), held.ends_at)
                return held.token
            # Whoever waited meanwhile fails alike, instead of waiting as long once more.
            self._failure, self._rests_until = error, now + max(1, now - began)
            raise
        return self._held.token

    def _ask(self, began: float) -> _Held:
        """Asks again where it failed quickly: what hangs would hang again."""
        for seconds in _PAUSES_SECONDS:
            try:
                return self._ask_once()
            except TryAgain as error:
                slow = self._clock() - began > _QUICK_SECONDS
                if slow or error.code == "identity_refused":
                    raise
            self._wait(seconds)
        return self._ask_once()

    def _ask_once(self) -> _Held:
        self._http.status = 0
        try:
            # A client for one use: it would answer from its memory what failed or was refused.
            client = msal.ManagedIdentityClient(self._identity, http_client=self._http)
            result = client.acquire_token_for_client(resource=self._resource)
            return self._read(result)
        except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError) as e:
            detail = f"HTTP {self._http.status}" if self._http.status else type(e).__name__
        # Outside of the block: the exception's text holds what the endpoint said.
        raise TryAgain("identity_unavailable", detail)

    def _read(self, result: Mapping[str, Any]) -> _Held:
        if "access_token" not in result:
            if 400 <= self._http.status < 500:
                raise TryAgain("identity_refused", f"HTTP {self._http.status}")
            raise ValueError("no token")
        # MSAL counts whole seconds, and so up to one too many.
        token, left = result["access_token"], result["expires_in"] - 1
        if not _TOKEN.fullmatch(token) or left <= 0:
            raise ValueError("not a token that could be used")
        now = self._clock()
        return _Held(token, _renew_at(now, now + left), now + left)


def _renew_at(now: float, ends_at: float) -> float:
    """When half of what is left is over: an endpoint that is down then has the other half."""
    return min(now + max((ends_at - now) / 2, _RENEWED_SECONDS), ends_at)


class _Http:
    """MSAL's client: the endpoint is on this machine, so no proxy, and little patience."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self.status = 0

    def get(self, url: str, **options: Any) -> requests.Response:
        return self._sent("GET", url, options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._sent("POST", url, options)

    def _sent(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        limited: dict[str, Any] = {"timeout": _TIMEOUT_SECONDS, "allow_redirects": False}
        response = self._session.request(method, url, **limited | options)
        self.status = response.status_code
        if self.status in {408, 429} or self.status >= 500:
            raise requests.HTTPError(f"HTTP {self.status}")
        return response

    def close(self) -> None:
        self._session.close()
