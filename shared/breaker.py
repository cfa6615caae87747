"""The breaker: what an attempt's outcome means for its endpoint.

Failures are counted in the process; the endpoint's row is written when its circuit opens, when a
probe failed, when it works again, and when it is given up: on change only.
"""

import threading
from dataclasses import replace
from datetime import datetime

from shared import events, instants
from shared.account_rows import SYSTEM
from shared.circuit import Circuit, Failures
from shared.endpoints import Endpoint, Endpoints
from shared.errors import UnseenError
from shared.logs import Log
from shared.system import System
from shared.webhooks import Answer

log = Log(__name__)

_LEASE_SECONDS = 30
_GONE = 410


class Breaker:
    """Watches over endpoints; safe to share between threads."""

    def __init__(self, endpoints: Endpoints, system: System) -> None:
        self._endpoints = endpoints
        self._system = system
        self._failures: dict[str, Failures] = {}
        self._lock = threading.Lock()

    def note(self, endpoint: Endpoint, webhook_id: str, answer: Answer, now: datetime) -> Endpoint:
        """Gives the endpoint as it stands after the attempt."""
        try:
            if answer.delivered:
                return self._works(endpoint)
            return self._failed(endpoint, webhook_id, answer, now)
        except UnseenError as error:
            # The attempt counts all the same; the next one meets the row again.
            log.warning("endpoint_not_kept", endpoint=endpoint.id, error=error)
            return endpoint

    def lease_probe(self, endpoint: Endpoint, now: datetime) -> bool:
        """Whether this run may send the probe that is due; one of many is let through."""
        at, end = instants.text(now), instants.after(now, _LEASE_SECONDS)
        mine = False

        def leased(row: Endpoint) -> Endpoint:
            nonlocal mine
            mine = row.circuit.is_open and row.circuit.probe_at <= at and row.leased_until <= at
            return replace(row, leased_until=end) if mine else row

        try:
            self._endpoints.change(endpoint.id, leased)
        except UnseenError as error:
            # Removed meanwhile, or storage is away: no probe, and no end of the others' round.
            log.warning("no_probe", endpoint=endpoint.id, error=error)
            return False
        return mine

    def _works(self, endpoint: Endpoint) -> Endpoint:
        with self._lock:
            self._failures.pop(endpoint.id, None)
        if endpoint.circuit == Circuit():
            return endpoint
        log.info("endpoint_works_again", endpoint=endpoint.id)
        return self._endpoints.change(
            endpoint.id, lambda row: replace(row, circuit=Circuit(), leased_until="")
        )

    def _failed(
        self, endpoint: Endpoint, webhook_id: str, answer: Answer, now: datetime
    ) -> Endpoint:
        with self._lock:
            opens = self._failures.setdefault(endpoint.id, Failures()).add(webhook_id)
        if answer.status == _GONE:
            return self._give_up(endpoint, "endpoint_gone", now)
        circuit = endpoint.circuit.failed(now, opens=opens)
        if circuit.is_given_up(now):
            return self._give_up(endpoint, "endpoint_failing", now)
        if circuit == endpoint.circuit:
            return endpoint
        if circuit.is_open:
            log.warning("circuit_open", endpoint=endpoint.id, probe_at=circuit.probe_at)

        def changed(row: Endpoint) -> Endpoint:
            """Another run may have written a failure of its own, or even that it works again."""
            if row.circuit != endpoint.circuit:
                return row
            return replace(row, circuit=circuit, leased_until="")

        return self._endpoints.change(endpoint.id, changed)

    def _give_up(self, endpoint: Endpoint, code: str, now: datetime) -> Endpoint:
        """Says it first: a kill between the two says it once, since the id is the same."""
        if endpoint.disabled:
            return endpoint
        occasion = endpoint.enabled_at or endpoint.created_at
        told = events.endpoint_disabled(
            SYSTEM, endpoint.id, endpoint.description, code, occasion, instants.text(now)
        )
        self._system.tell(told, but_not=endpoint.id)
        log.error("endpoint_disabled", endpoint=endpoint.id, code=code)
        at = instants.text(now)
        return self._endpoints.change(
            endpoint.id,
            lambda row: row if row.disabled else replace(row, disabled=code, disabled_at=at),
        )
