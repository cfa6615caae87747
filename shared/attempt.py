"""What an attempt makes of a delivery. Pure.

The design's schedule: ten attempts within 75 h 35 min of when the first was due. Behind an open
circuit a delivery waits without using attempts up, and dies of age like any other; while its
endpoint is disabled its time stands still.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared import instants, schedule
from shared.endpoints import Endpoint
from shared.outbox_rows import Delivery, Event
from shared.webhooks import Answer


def waiting(
    event: Event, delivery: Delivery, endpoint: Endpoint, now: datetime
) -> tuple[Delivery, bool]:
    """The event's delivery as it stands before an attempt, and whether one may be made now."""
    if endpoint.disabled:
        return _held(event, delivery, endpoint), False
    delivery = released(event, delivery, endpoint, now)
    if now >= _end(event, delivery):
        return replace(delivery, state="dead", next=instants.NEVER), False
    probe_at = endpoint.circuit.probe_at
    if probe_at > instants.text(now):
        return replace(delivery, next=probe_at), False
    return delivery, True


def behind_a_probe(delivery: Delivery, endpoint: Endpoint) -> Delivery:
    """Another run has the probe: the delivery waits for what comes of it."""
    if not endpoint.circuit.is_open:
        return delivery
    return replace(delivery, next=max(endpoint.circuit.probe_at, endpoint.leased_until))


def after(event: Event, delivery: Delivery, answer: Answer, now: datetime) -> Delivery:
    """What a delivery is after one more attempt: done, owed until later, or dead."""
    attempts = delivery.attempts + 1
    if answer.delivered:
        return replace(
            delivery, state="done", attempts=attempts, next=instants.NEVER, status=answer.status
        )
    failed = replace(delivery, attempts=attempts, status=answer.status)
    end = _end(event, delivery)
    next_at = schedule.next_attempt_at(attempts, now, answer.retry_after_seconds)
    if next_at is None or now >= end:
        return replace(failed, state="dead", next=instants.NEVER)
    return replace(failed, state="owed", next=min(next_at, instants.due_text(end)))


def after_probe(delivery: Delivery, endpoint: Endpoint, answer: Answer) -> Delivery:
    """A failed probe uses no attempt up: the delivery waits for the next one."""
    next_at = endpoint.circuit.probe_at or delivery.next
    return replace(delivery, state="owed", next=next_at, status=answer.status)


def _held(event: Event, delivery: Delivery, endpoint: Endpoint) -> Delivery:
    if delivery.state == "held":
        return delivery
    since = max(endpoint.disabled_at, delivery.since or event.recorded_at)
    return replace(delivery, state="held", next=instants.NEVER, held=since)


def released(event: Event, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Delivery:
    """A delivery that was held is due now, and its time goes on from where it stood."""
    if delivery.state != "held":
        return delivery
    enabled = max(endpoint.enabled_at, delivery.held)
    stood = instants.parse(enabled) - instants.parse(delivery.held)
    since = instants.text(instants.parse(delivery.since or event.recorded_at) + stood)
    return replace(delivery, state="owed", next=instants.text(now), since=since, held="")


def _end(event: Event, delivery: Delivery) -> datetime:
    since = instants.parse(delivery.since or event.recorded_at)
    return since + timedelta(seconds=schedule.LIFE_SECONDS)
