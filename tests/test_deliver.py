"""Deliver: what one round of attempts comes to, for each delivery of each event."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import attempt, events, instants
from shared.account_rows import Account
from shared.deliver import Budget
from shared.ledger import Ledger
from shared.outbox_rows import Delivery, Event, Standing
from shared.webhooks import Answer
from tests.conftest import StartApp
from tests.lab.receiver.client import Webhook
from tests.lab.services import Services
from tests.log_lines import lines


class Post:
    """An account with an outbox, and an endpoint of its own at the receiver."""

    def __init__(self, start_app: StartApp, services: Services, account_id: str) -> None:
        self.path = f"/hook/{account_id}"
        self.receiver = services.receiver
        # Storage of its own: how an endpoint stands is kept there.
        parts = start_app(WEBHOOK_URL=f"{services.receiver.url}{self.path}").parts
        self.outbox = parts.outbox
        self.endpoints = parts.endpoints
        self.deliverer = parts.deliverer
        self.account = Account(account_id, "00", generation="g1", address="ada@outlook.example")
        self.outbox.open(account_id, "g1")

    def owed(self, count: int = 1, **changed: Any) -> list[Event]:
        """Events that are recorded, and due now."""
        ledger = Ledger(self.outbox, self.endpoints, self.account)
        now = instants.text(instants.now())
        made = [
            replace(
                events.status_event(self.account, "account.blocked", number, now, code="internal"),
                **changed,
            )
            for number in range(count)
        ]
        return ledger.record(made)[1]

    def deliver(self, owed: Sequence[Event], seconds: float = 100) -> list[Event]:
        budget = Budget(time.monotonic() + seconds)
        return self.deliverer.deliver(self.account.id, owed, lambda event: event.envelope, budget)

    def answer(self, *answers: dict[str, Any]) -> None:
        self.receiver.answer(*answers, path=self.path)

    @property
    def received(self) -> list[Webhook]:
        return self.receiver.received(path=self.path)

    @property
    def standing(self) -> Standing:
        return self.outbox.standing(self.account.id)


@pytest.fixture
def post(start_app: StartApp, services: Services, account_id: str) -> Post:
    return Post(start_app, services, account_id)


def seconds_until(text: str) -> float:
    return (instants.parse(text) - instants.now()).total_seconds()


def test_what_the_endpoint_took_is_done(post: Post) -> None:
    (event,) = post.owed()
    assert post.deliver([event]) == []
    (webhook,) = post.received
    assert webhook["verified"]
    assert webhook["headers"]["webhook-id"] == event.webhook_id
    assert webhook["body"]["data"] == event.envelope
    assert (post.standing.owed, post.standing.dead) == (0, 0)


def test_f31_what_it_did_not_take_waits_for_the_schedule(post: Post) -> None:
    post.answer({"status": 503})
    (kept,) = post.deliver(post.owed())
    delivery = kept.endpoints["ep_settings"]
    assert (delivery.state, delivery.attempts, delivery.status) == ("owed", 1, 503)
    assert 3 <= seconds_until(delivery.next) <= 6
    assert post.outbox.due(post.account.id, delivery.next) == [kept]


def test_i2_every_attempt_has_the_same_id_and_body(post: Post) -> None:
    post.answer({"status": 500, "times": 2})
    owed = post.owed()
    for _ in range(3):
        now = instants.text(instants.now())
        owed = [replace(one, endpoints={"ep_settings": Delivery(next=now)}) for one in owed]
        owed = post.deliver(owed)
    received = post.received
    assert [one["answered"] for one in received] == ["500", "500", "204"]
    assert len({one["headers"]["webhook-id"] for one in received}) == 1
    assert len({one["raw"] for one in received}) == 1


def test_f33_retry_after_puts_the_next_attempt_off(post: Post) -> None:
    post.answer({"status": 429, "headers": {"Retry-After": "7200"}})
    (kept,) = post.deliver(post.owed())
    assert 7190 <= seconds_until(kept.next_at) <= 7201


def test_f39_one_event_that_is_always_refused_does_not_hold_up_the_others(post: Post) -> None:
    post.answer({"status": 400, "times": 1})
    kept = post.deliver(post.owed(4))
    assert [event.sequence for event in kept] == [1]
    assert (len(post.received), post.standing.owed) == (4, 1)


def test_an_attempt_that_is_not_due_is_not_made(post: Post) -> None:
    later = Delivery(next=instants.after(instants.now(), 60))
    owed = post.owed(endpoints={"ep_settings": later})
    assert post.deliver(owed) == owed
    assert post.received == []


def test_f46_without_time_no_attempt_is_counted(post: Post) -> None:
    owed = post.owed(2)
    assert post.deliver(owed, seconds=-1) == owed
    assert post.received == []
    assert post.outbox.due(post.account.id, instants.text(instants.now())) == owed


def test_only_what_is_owed_is_attempted(post: Post) -> None:
    now = instants.text(instants.now())
    told = {"ep_settings": Delivery(next=now), "ep_gone": Delivery(next=now)}
    assert post.deliver(post.owed(endpoints=told)) == []
    finished = {"ep_settings": Delivery("done", 1, now, 204), "ep_gone": Delivery("owed", 1, now)}
    assert post.deliver(post.owed(endpoints=finished)) == []
    assert len(post.received) == 1


def test_f37_after_the_tenth_attempt_it_is_a_dead_letter(post: Post) -> None:
    post.answer({"status": 500})
    now = instants.text(instants.now())
    owed = post.owed(endpoints={"ep_settings": Delivery("owed", 9, now, 500)})
    assert post.deliver(owed) == []
    assert (post.standing.owed, post.standing.dead) == (0, 1)


def test_t39_what_was_removed_meanwhile_is_not_written_again(post: Post) -> None:
    post.answer({"status": 500})
    owed = post.owed()
    post.outbox.remove(post.account.id, "owed:", "state")
    assert post.deliver(owed) == []
    assert post.standing.owed == 0


def test_putting_off_uses_up_no_attempt(post: Post) -> None:
    now = instants.text(instants.now())
    told = {"ep_settings": Delivery("owed", 3, now, 500), "ep_b": Delivery("done", 1, now, 204)}
    (event,) = post.owed(endpoints=told)
    post.deliverer.postpone(post.account.id, event, 300)
    (kept,) = post.outbox.due(post.account.id, instants.after(instants.now(), 301))
    assert kept.endpoints["ep_b"] == told["ep_b"]
    assert kept.endpoints["ep_settings"].attempts == 3
    assert 298 <= seconds_until(kept.next_at) <= 301


def test_t10_the_log_names_the_event_and_nothing_of_it(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.answer({"status": 503})
    with caplog.at_level(logging.DEBUG):
        (event,) = post.deliver(post.owed())
    (line,) = [line for line in lines(caplog) if line["event"] == "delivery"]
    assert line.pop("reason")
    assert line == {
        "event": "delivery",
        "state": "failed",
        "type": event.type,
        "webhook_id": event.webhook_id,
        "endpoint": "ep_settings",
        "attempt": 1,
        "status": 503,
    }
    assert "outlook.example" not in caplog.text
    assert post.path not in str(line)


# What an attempt comes to


def attempted(answer: Answer, recorded: datetime, attempts: int = 0) -> Delivery:
    event = Event("msg_a_b", "mail.received", instants.text(recorded), {}, {})
    return attempt.after(event, Delivery("owed", attempts, "x", 500), answer, instants.now())


def test_a_2xx_ends_it() -> None:
    assert attempted(Answer(204), instants.now(), 3) == Delivery("done", 4, instants.NEVER, 204)


@pytest.mark.parametrize(
    "answer", [Answer(0, "timeout"), Answer(301, "redirect"), Answer(200, "answer_too_large")]
)
def test_f31_anything_else_is_owed_again(answer: Answer) -> None:
    found = attempted(answer, instants.now())
    assert (found.state, found.attempts, found.status) == ("owed", 1, answer.status)


@pytest.mark.parametrize(("minutes_left", "state"), [(1, "owed"), (-1, "dead")])
def test_f37_an_event_lives_75_hours_and_35_minutes(minutes_left: int, state: str) -> None:
    life = timedelta(hours=75, minutes=35, seconds=5) - timedelta(minutes=minutes_left)
    assert attempted(Answer(500, "refused"), instants.now() - life).state == state


def test_f37_an_event_of_any_age_is_done_where_it_is_taken() -> None:
    assert attempted(Answer(200), instants.now() - timedelta(days=9), 9).state == "done"


# The time of an execution


def test_i5_an_endpoint_has_at_most_30_seconds_of_an_execution() -> None:
    budget = Budget(time.monotonic() + 1000)
    assert 29 < budget.left("ep_a") <= 30


def test_f46_no_endpoint_has_more_than_the_execution_has_left() -> None:
    budget = Budget(time.monotonic() + 7)
    assert 6 < budget.left("ep_a") <= 7
    assert Budget(time.monotonic() - 1).left("ep_a") < 0


def test_an_endpoints_time_begins_with_its_first_attempt() -> None:
    budget = Budget(time.monotonic() + 1000)
    first = budget.left("ep_a")
    assert budget.left("ep_a") < first
    assert budget.left("ep_b") > budget.left("ep_a")
