"""Deliver: one round of attempts for owed events, written back in as few transactions as fit."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from shared import events, instants, schedule
from shared.endpoints import Endpoints
from shared.outbox import Outbox
from shared.outbox_rows import Delivery, Event
from shared.webhooks import Answer, Sender

log = logging.getLogger(__name__)

_ENDPOINT_SECONDS = 30


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


class Deliverer:
    """Makes attempts and writes down what they came to."""

    def __init__(self, outbox: Outbox, endpoints: Endpoints, sender: Sender) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._sender = sender

    def deliver(
        self,
        account: str,
        owed: Sequence[Event],
        data: Callable[[Event], Mapping[str, object]],
        budget: Budget,
    ) -> list[Event]:
        """One attempt for every delivery that is due; gives the events that are still owed.

        data: the body's data of an event. An attempt for which no time is left is not counted:
        it stays due.
        """
        tried = []
        for event in owed:
            body = events.body(event, data(event))
            tried.append(self._attempt(event, body, budget))
        changed = [now for now, before in zip(tried, owed, strict=True) if now != before]
        untouched = [now for now, before in zip(tried, owed, strict=True) if now == before]
        return untouched + self._outbox.settle(account, changed, instants.now())

    def postpone(self, account: str, event: Event, seconds: float) -> None:
        """Puts all that is owed of the event off, without using an attempt up."""
        next_at = instants.after(instants.now(), seconds)
        waiting = {
            name: replace(delivery, next=next_at) if delivery.state == "owed" else delivery
            for name, delivery in event.endpoints.items()
        }
        self._outbox.settle(account, [replace(event, endpoints=waiting)], instants.now())

    def _attempt(self, event: Event, body: bytes, budget: Budget) -> Event:
        return replace(
            event,
            endpoints={
                endpoint_id: self._attempt_one(event, endpoint_id, delivery, body, budget)
                for endpoint_id, delivery in event.endpoints.items()
            },
        )

    def _attempt_one(
        self, event: Event, endpoint_id: str, delivery: Delivery, body: bytes, budget: Budget
    ) -> Delivery:
        now = instants.now()
        if delivery.state != "owed" or delivery.next > instants.text(now):
            return delivery
        endpoint = self._endpoints.get(endpoint_id)
        if endpoint is None:  # it was deleted: its deliveries ended with it
            return replace(delivery, state="done")
        left = budget.left(endpoint_id)
        if left <= 0:
            return delivery
        answer = self._sender.post(
            endpoint.url, endpoint.secrets, event.webhook_id, body, now, left
        )
        result = after_attempt(event, delivery, answer)
        _log(event, endpoint_id, result, answer)
        return result


def after_attempt(event: Event, delivery: Delivery, answer: Answer) -> Delivery:
    """What a delivery is after one more attempt: done, owed until later, or dead."""
    attempts = delivery.attempts + 1
    if answer.delivered:
        return Delivery("done", attempts, instants.NEVER, answer.status)
    now = instants.now()
    end = instants.parse(event.recorded_at) + timedelta(seconds=schedule.LIFE_SECONDS)
    next_at = schedule.next_attempt_at(attempts, now, answer.retry_after_seconds)
    if next_at is None or now >= end:
        return Delivery("dead", attempts, instants.NEVER, answer.status)
    return Delivery("owed", attempts, next_at, answer.status)


def _log(event: Event, endpoint_id: str, result: Delivery, answer: Answer) -> None:
    log.log(
        logging.INFO if answer.delivered else logging.WARNING,
        "delivery %s: webhook_id=%s endpoint=%s attempt=%d status=%d %s",
        {"owed": "failed", "done": "done", "dead": "dead"}[result.state],
        event.webhook_id,
        endpoint_id,
        result.attempts,
        answer.status,
        answer.reason,
    )
