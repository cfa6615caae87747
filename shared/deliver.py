"""Deliver: one round of attempts for owed events, written back in as few transactions as fit.

Each endpoint has a lane of its own in a round, so that a slow one holds up no other. In a lane the
oldest event goes first; how many run at once at one endpoint is limited for the whole process.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime

from shared import attempt, events, instants
from shared.breaker import Breaker
from shared.endpoints import Endpoint, Endpoints
from shared.logs import Log, carried
from shared.outbox import Outbox
from shared.outbox_rows import Delivery, Event, Standing
from shared.webhooks import Answer, Sender

log = Log(__name__)

_ENDPOINT_SECONDS = 30
_AT_ONCE = 8
_PATIENCE_SECONDS = 3
_KEPT_CHARACTERS = 300

type Data = Callable[[Event], Mapping[str, object]]


class Budget:
    """The time that one execution gives to each endpoint: 30 s from its first attempt on."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def left(self, endpoint_id: str) -> float:
        """Seconds left for the endpoint in this execution; 0 or less: it's somebody else's turn."""
        now = time.monotonic()
        with self._lock:
            end = self._ends.setdefault(endpoint_id, now + _ENDPOINT_SECONDS)
        return min(end, self._deadline) - now


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one delivery in a round; answer: the beginning of what came back."""

    delivery: Delivery
    answer: str = ""


class Deliverer:
    """Makes attempts and writes down what they came to; safe to share between threads."""

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Endpoints,
        breaker: Breaker,
        sender: Sender,
        clock: instants.Clock,
    ) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._breaker = breaker
        self._sender = sender
        self._now = clock
        self._gates: dict[str, threading.Semaphore] = {}
        self._gates_lock = threading.Lock()

    def deliver(
        self, account: str, owed: Sequence[Event], data: Data, budget: Budget
    ) -> list[Event]:
        """One attempt for every delivery that is due; gives the events that are still owed.

        data: the body's data of an event. An attempt for which no time is left is not counted:
        it stays due.
        """
        for tried in self._round(owed, data, budget):
            after = [(_after(event, tried), event) for event in owed]
            # What its filters refused comes here changed already: it is over.
            changed = [now for now, before in after if now != before or not now.is_open]
            untouched = [now for now, before in after if now == before and now.is_open]
            owed = untouched + self._outbox.settle(account, changed, self._now())
        return list(owed)

    def postpone(self, account: str, event: Event, seconds: float) -> None:
        """Puts all that is owed of the event off, without using an attempt up."""
        next_at = instants.after(self._now(), seconds)
        waiting = {
            name: replace(delivery, next=next_at) if delivery.state == "owed" else delivery
            for name, delivery in event.endpoints.items()
        }
        self._outbox.settle(account, [replace(event, endpoints=waiting)], self._now())

    def release(self, account: str, standing: Standing, deadline: float) -> bool:
        """Makes due what was held and whose endpoint is enabled again, ends what one was owed
        that was removed.

        Gives whether there was anything. What the deadline leaves is found by the next turn.
        """
        known = _Known(self._endpoints)
        if not any(_waits_in_vain(state, known[name]) for name, state in standing.open):
            return False

        def picked(found: Mapping[str, Delivery]) -> bool:
            return any(_waits_in_vain(one.state, known[name]) for name, one in found.items())

        for group in self._outbox.owed(account, picked):
            now = self._now()
            self._outbox.settle(account, [_released(event, known, now) for event in group], now)
            if time.monotonic() > deadline:
                break
        return True

    def _round(
        self, owed: Sequence[Event], data: Data, budget: Budget
    ) -> Iterator[dict[tuple[int, str], Tried]]:
        """What came of the attempts; in two parts where some endpoint takes its time.

        A run that is killed while it waits for a slow endpoint has then written down what the
        others took, and sends it to nobody twice.
        """
        lanes: dict[str, list[Event]] = {}
        at = instants.text(self._now())
        for event in sorted(owed, key=lambda one: one.sequence):
            for endpoint_id, delivery in event.endpoints.items():
                if delivery.state == "held" or (delivery.state == "owed" and delivery.next <= at):
                    lanes.setdefault(endpoint_id, []).append(event)
        due = {event.sequence: event for lane in lanes.values() for event in lane}
        bodies = {sequence: events.body(one, data(one)) for sequence, one in due.items()}

        def run(endpoint_id: str) -> dict[tuple[int, str], Tried]:
            return self._lane(endpoint_id, lanes[endpoint_id], bodies, budget)

        if len(lanes) < 2:
            yield from [run(endpoint_id) for endpoint_id in lanes] or [{}]
            return
        with ThreadPoolExecutor(len(lanes), thread_name_prefix="lane") as pool:
            running = [pool.submit(carried(run), endpoint_id) for endpoint_id in lanes]
            quick, slow = wait(running, timeout=_PATIENCE_SECONDS)
            for part in (quick, slow):
                yield {key: one for lane in part for key, one in lane.result().items()}

    def _lane(
        self,
        endpoint_id: str,
        lane: Sequence[Event],
        bodies: Mapping[int, bytes],
        budget: Budget,
    ) -> dict[tuple[int, str], Tried]:
        self._endpoints.confirmed(endpoint_id)
        return {
            (event.sequence, endpoint_id): self._step(
                endpoint_id, event, bodies[event.sequence], budget
            )
            for event in lane
        }

    def _step(self, endpoint_id: str, event: Event, body: bytes, budget: Budget) -> Tried:
        delivery = event.endpoints[endpoint_id]
        endpoint = self._endpoints.get(endpoint_id)
        if endpoint is None:
            return Tried(_ended(delivery))
        now = self._now()
        delivery, may_try = attempt.waiting(event, delivery, endpoint, now)
        if may_try and endpoint.circuit.is_open and not self._breaker.lease_probe(endpoint, now):
            endpoint = self._endpoints.get(endpoint_id) or endpoint
            return Tried(attempt.behind_a_probe(delivery, endpoint))
        if not may_try:
            return Tried(delivery)
        return self._attempt(endpoint, event, delivery, body, budget)

    def _attempt(
        self, endpoint: Endpoint, event: Event, delivery: Delivery, body: bytes, budget: Budget
    ) -> Tried:
        answer = self._post(endpoint, event, body, budget)
        if answer is None:
            return Tried(delivery)
        now = self._now()
        probing = endpoint.circuit.is_open
        endpoint = self._breaker.note(endpoint, event.webhook_id, answer, now)
        if probing and not answer.delivered:
            result = attempt.after_probe(delivery, endpoint, answer)
        else:
            result = attempt.after(event, delivery, answer, now)
        _log(event, endpoint.id, result, answer, now)
        return Tried(result, answer.beginning[:_KEPT_CHARACTERS])

    def _post(self, endpoint: Endpoint, event: Event, body: bytes, budget: Budget) -> Answer | None:
        """None where the endpoint's time or its places in this process are used up."""
        with self._gates_lock:
            gate = self._gates.setdefault(endpoint.id, threading.Semaphore(_AT_ONCE))
        left = budget.left(endpoint.id)
        if left <= 0 or not gate.acquire(timeout=left):
            return None
        try:
            left = budget.left(endpoint.id)
            if left <= 0:
                return None
            now = self._now()
            keys = endpoint.signing(now)
            return self._sender.post(
                endpoint.url, keys, event.webhook_id, body, now, left, headers=endpoint.headers
            )
        finally:
            gate.release()


def _after(event: Event, tried: Mapping[tuple[int, str], Tried]) -> Event:
    """The event after the round; what an endpoint answered is kept until it took the event."""
    mine = {name: one for (sequence, name), one in tried.items() if sequence == event.sequence}
    if not mine:
        return event
    answers = dict(event.answers)
    for name, one in mine.items():
        if one.answer and one.delivery.state != "done":
            answers[name] = one.answer
    return replace(
        event,
        endpoints=event.endpoints | {name: one.delivery for name, one in mine.items()},
        answers=answers,
    )


class _Known(dict[str, Endpoint | None]):
    """Endpoints as they stand now, each asked for once; None: it was removed."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def __missing__(self, endpoint_id: str) -> Endpoint | None:
        self[endpoint_id] = self._endpoints.confirmed(endpoint_id)
        return self[endpoint_id]


def _waits_in_vain(state: str, endpoint: Endpoint | None) -> bool:
    """Whether a delivery is held for an endpoint that is enabled, or open for one that is gone."""
    if endpoint is None:
        return state in {"owed", "held"}
    return state == "held" and not endpoint.disabled


def _released(event: Event, known: _Known, now: datetime) -> Event:
    after = dict(event.endpoints)
    for name, delivery in event.endpoints.items():
        endpoint = known[name]
        if not _waits_in_vain(delivery.state, endpoint):
            continue
        after[name] = (
            attempt.released(event, delivery, endpoint, now) if endpoint else _ended(delivery)
        )
    return replace(event, endpoints=after)


def _ended(delivery: Delivery) -> Delivery:
    """Its endpoint was removed, and its deliveries with it."""
    return replace(delivery, state="done", next=instants.NEVER, held="")


def _log(event: Event, endpoint_id: str, result: Delivery, answer: Answer, now: datetime) -> None:
    """latency_seconds: from when the mail arrived (or the event was recorded) to the 2xx."""
    arrived = event.envelope.get("received_at") or event.recorded_at
    took = {"latency_seconds": round((now - instants.parse(arrived)).total_seconds(), 1)}
    log.at(
        logging.INFO if answer.delivered else logging.WARNING,
        "delivery",
        state={"owed": "failed", "done": "done", "dead": "dead"}[result.state],
        type=event.type,
        webhook_id=event.webhook_id,
        endpoint=endpoint_id,
        attempt=result.attempts,
        status=answer.status,
        reason=answer.reason,
        **(took if answer.delivered else {}),
    )
