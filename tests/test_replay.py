"""Replay: one event or a range again, under the ids they had, with content as it is now."""

from dataclasses import replace
from typing import Any

import pytest

from shared import ids, instants, pages_of
from shared.account_rows import Account
from shared.outbox_rows import Delivery, Event
from shared.outcome import Outcome
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.refusals import refused

_OWN = "ep_settings"


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


@pytest.fixture
def account(desk: Desk, account_id: str) -> Account:
    return desk.account(account_id)


def over(desk: Desk, account: Account, state: str, count: int = 1) -> list[Event]:
    """Events that are done or dead; how they came to it is not looked at."""
    told = {_OWN: Delivery(state, 10, instants.NEVER, 500)}
    recorded = [replace(one, endpoints=told) for one in desk.owe(account, count)]
    desk.parts.outbox.settle(account.id, recorded, desk.clock())
    shown = {"dead": count} if state == "dead" else {}
    at = desk.clock.text
    desk.app.edit("accounts", account.shard, account.id, last_event_at=at, owed=0, **shown)
    return recorded


# One


@pytest.mark.parametrize("state", ["dead", "done"])
def test_f37_one_is_sent_again_with_its_id_and_its_time(
    desk: Desk, account: Account, state: str
) -> None:
    (event,) = over(desk, account, state)
    desk.clock.forward(hours=30)
    told = desk.parts.replay.one(event.webhook_id, None)
    assert told == {"webhook_id": event.webhook_id, "endpoints": [_OWN]}
    desk.tick()
    (webhook,) = desk.came("settings")
    assert webhook["headers"]["webhook-id"] == event.webhook_id
    assert webhook["body"]["timestamp"] == event.recorded_at
    assert webhook["body"]["data"] == event.envelope
    assert desk.deliveries(account, _OWN)[0][:2] == ["done", 1]
    assert desk.app.account(account.id).dead == 0


def test_what_is_owed_is_due_at_once_and_has_all_its_attempts(desk: Desk, account: Account) -> None:
    desk.answer("settings", {"status": 500})
    (event,) = desk.owe(account)
    desk.tick()
    desk.tick(hours=70)
    desk.parts.replay.one(event.webhook_id, {})
    desk.tick(seconds=1)
    delivery = desk.deliveries(account, _OWN)[0]
    assert (delivery[0], delivery[1]) == ("owed", 1)
    desk.tick(hours=70)
    assert desk.states(account, _OWN) == ["owed"]


def test_it_goes_to_all_of_its_endpoints_or_to_the_one_that_is_named(
    desk: Desk, account: Account
) -> None:
    other = desk.endpoint("other")
    (event,) = desk.owe(account)
    desk.tick()
    desk.parts.replay.one(event.webhook_id, {"endpoint_id": other})
    desk.tick(seconds=1)
    assert (len(desk.came("settings")), len(desk.came("other"))) == (1, 2)
    desk.parts.replay.one(event.webhook_id, None)
    desk.tick(seconds=1)
    assert (len(desk.came("settings")), len(desk.came("other"))) == (2, 3)


def test_an_endpoint_that_came_later_can_be_sent_it_too(desk: Desk, account: Account) -> None:
    (event,) = desk.owe(account)
    desk.tick()
    later = desk.endpoint("later")
    desk.parts.replay.one(event.webhook_id, {"endpoint_id": later})
    desk.tick(seconds=1)
    assert desk.sent_ids("later") == [event.webhook_id]
    assert len(desk.came("settings")) == 1


@pytest.mark.parametrize(
    "webhook_id",
    [
        *("", "x", "msg_", "msg_a_b", "../accounts", "msg_system_" + "a" * 20, "é"),
        *("msg_" + "a" * 26 + "_" + "b" * 20, "msg_" + "a" * 26 + "_" + "b" * 20 + "\n"),
    ],
)
def test_what_is_no_delivery_is_not_found(desk: Desk, webhook_id: str) -> None:
    found = refused(lambda: desk.parts.replay.one(webhook_id, None))
    assert found == ("delivery_unknown", "", 404)


def test_an_event_that_is_not_there_any_more_is_not_found(desk: Desk, account: Account) -> None:
    webhook_id = ids.event_webhook_id(account.id, "account.blocked", "never")
    assert refused(lambda: desk.parts.replay.one(webhook_id, None))[0] == "delivery_unknown"


def test_t39_nothing_of_a_removed_account_is_owed_again(desk: Desk, account: Account) -> None:
    (event,) = over(desk, account, "dead")
    desk.app.edit("accounts", account.shard, account.id, deleted_at=desk.clock.text)
    assert refused(lambda: desk.parts.replay.one(event.webhook_id, None))[0] == "delivery_unknown"
    assert desk.parts.outbox.standing(account.id).owed == 0


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"endpoint_id": "ep_aaaaaaaa"}, ("endpoint_unknown", "endpoint_id", 404)),
        ({"endpoint_id": "x"}, ("field_invalid", "endpoint_id", 400)),
        ({"endpoint_id": 7}, ("field_invalid", "endpoint_id", 400)),
        ({"endpoint": _OWN}, ("field_invalid", "body", 400)),
        ([], ("field_invalid", "body", 400)),
    ],
)
def test_bad_input_replays_nothing(
    desk: Desk, account: Account, body: Any, found: tuple[str, str, int]
) -> None:
    (event,) = over(desk, account, "dead")
    assert refused(lambda: desk.parts.replay.one(event.webhook_id, body)) == found
    assert desk.states(account, _OWN) == ["dead"]


def test_a_kill_before_the_accounts_row_leaves_what_the_hourly_reading_finds(
    desk: Desk, account: Account
) -> None:
    (event,) = over(desk, account, "dead")
    found = desk.parts.outbox.find(account.id, event.webhook_id)
    assert found
    due = Delivery(next=desk.clock.text, since=desk.clock.text)
    again = replace(found[1], endpoints={_OWN: due})
    desk.parts.outbox.reopen(account.id, [(found[0], again)])
    hourly = instants.after(desk.clock(), 1800)
    desk.app.edit("accounts", account.shard, account.id, next_attempt_at=hourly, next_due_at=hourly)
    desk.tick()
    assert desk.came("settings") == []
    desk.tick(hours=1)
    assert desk.sent_ids("settings") == [event.webhook_id]


def test_a_replay_in_the_second_that_a_run_began_with_is_not_lost_at_its_end(
    desk: Desk, account: Account
) -> None:
    (event,) = over(desk, account, "done")
    desk.parts.accounts.attempt_soon(account.id, desk.clock())
    desk.parts.enqueue.enqueue(desk.clock())
    began = desk.app.account(account.id)
    desk.parts.replay.one(event.webhook_id, None)

    def changes(row: Account) -> dict[str, Any]:
        return Outcome().fields(row, began, desk.clock(), desk.clock(), 30)

    assert desk.parts.claims.finish([began], changes)
    desk.tick(seconds=1)
    assert desk.sent_ids("settings") == [event.webhook_id]


# With its content


def delivered(app: SteppedApp, address: str) -> tuple[Account, dict[str, Any]]:
    """A mail that was taken, and the webhook that told of it."""
    account = app.settled(address)
    app.put(address, "Canary")
    app.tick()
    (webhook,) = app.webhooks(address)
    return account, webhook


def again(app: SteppedApp, webhook: dict[str, Any]) -> dict[str, Any]:
    webhook_id = webhook["headers"]["webhook-id"]
    app.parts.replay.one(webhook_id, None)
    app.tick_in(1)
    found: dict[str, Any] = app.services.receiver.received()[-1]
    assert found["headers"]["webhook-id"] == webhook_id
    assert found["verified"]
    return found


def test_a_mail_is_read_again(app: SteppedApp, address: str) -> None:
    _, first = delivered(app, address)
    second = again(app, first)
    assert second["body"]["data"] == first["body"]["data"]
    assert second["body"]["timestamp"] == first["body"]["timestamp"]
    assert second["body"]["data"]["text"].strip() == "Canary"


def test_a_mail_that_was_moved_is_found_by_its_message_id(app: SteppedApp, address: str) -> None:
    _, first = delivered(app, address)
    app.services.dovecot.move(address, 1, "INBOX", "Archive")
    assert again(app, first)["body"]["data"]["text"].strip() == "Canary"


def test_a_mail_that_was_purged_is_said_to_be_gone(app: SteppedApp, address: str) -> None:
    _, first = delivered(app, address)
    app.services.dovecot.expunge(address, 1)
    data = again(app, first)["body"]["data"]
    assert data["content"] == "gone"
    assert data["message_id"] == first["body"]["data"]["message_id"]
    assert "text" not in data


# A range


def replayed(desk: Desk, **body: Any) -> dict[str, Any]:
    told = {"since": "2020-01-01T00:00:00Z"} | body
    found: dict[str, Any] = desk.parts.replay.range(_OWN, told)
    return found


@pytest.mark.parametrize("state", ["dead", "done"])
def test_f37_what_was_recorded_in_a_range_is_owed_again(
    desk: Desk, account: Account, state: str
) -> None:
    over(desk, account, state)
    desk.clock.forward(hours=1)
    since = desk.clock.text
    first = over(desk, account, state, 2)
    desk.clock.forward(hours=1)
    second = over(desk, account, state)
    until = desk.clock.text
    desk.clock.forward(seconds=1)
    over(desk, account, state)
    found = replayed(desk, since=since, until=until, state=state)
    assert found == {"replayed": 3, "next": ""}
    desk.tick()
    assert sorted(desk.sent_ids("settings")) == sorted(one.webhook_id for one in first + second)


def test_of_a_range_only_the_state_that_was_asked_for(desk: Desk, account: Account) -> None:
    over(desk, account, "done")
    (event,) = over(desk, account, "dead")
    assert replayed(desk)["replayed"] == 1
    desk.tick()
    assert desk.sent_ids("settings") == [event.webhook_id]


def test_a_range_is_of_one_endpoint(desk: Desk, account: Account) -> None:
    other = desk.endpoint("other")
    desk.owe(account, 2)
    desk.tick()
    found = desk.parts.replay.range(other, {"since": desk.clock.text, "state": "done"})
    assert found["replayed"] == 2
    desk.tick(seconds=1)
    assert (len(desk.came("settings")), len(desk.came("other"))) == (2, 4)


@pytest.mark.parametrize("state", ["dead", "done"])
def test_a_range_is_as_long_as_it_is(desk: Desk, account: Account, state: str) -> None:
    events = over(desk, account, state, 60) + over(desk, account, state, 60)
    assert replayed(desk, state=state) == {"replayed": 120, "next": ""}
    owed = desk.parts.outbox.due(account.id, desk.clock.text)
    assert {one.webhook_id for one in owed} == {one.webhook_id for one in events}


def test_a_range_goes_on_behind_next(desk: Desk) -> None:
    first, second = desk.account("acc_" + "a" * 26), desk.account("acc_" + "b" * 26)
    over(desk, first, "dead", 3)
    over(desk, second, "dead", 2)
    place = pages_of.cursor(first.id, "dead:000000000002")
    assert replayed(desk, next=place) == {"replayed": 3, "next": ""}
    assert desk.states(first, _OWN) == ["dead", "dead", "owed"]


def test_a_range_over_many_accounts_and_shards(start_app: StartApp, services: Services) -> None:
    desk = Desk(start_app, services, SHARDS="16")
    accounts = [desk.account(f"acc_{letter * 26}") for letter in "abcde"]
    for one in accounts:
        over(desk, one, "done")
    assert replayed(desk, state="done")["replayed"] == 5
    for place, one in enumerate(accounts):
        assert desk.states(one, _OWN) == ["owed"], place


@pytest.mark.parametrize("state", ["dead", "done"])
def test_accounts_without_such_events_are_not_read(
    start_app: StartApp, services: Services, lossy: TableProxy, state: str
) -> None:
    desk = Desk(start_app, services, STORAGE=lossy.connection_string)
    for letter in "abcde":
        desk.account(f"acc_{letter * 26}")
    busy = desk.account("acc_" + "f" * 26)
    over(desk, busy, state)
    lossy.requests.clear()
    assert replayed(desk, since=desk.clock.text, state=state)["replayed"] == 1
    read = [one for one in lossy.requests if one.startswith("GET") and "/mailboxes" in one]
    assert len(read) == 1 and busy.id in read[0]


def test_what_was_told_of_outside_a_check_is_found_by_a_range(desk: Desk, account: Account) -> None:
    since = desk.clock.text
    (event,) = desk.owe(account)
    desk.tick(minutes=1)
    assert replayed(desk, since=since, state="done")["replayed"] == 1
    desk.tick(minutes=1)
    assert desk.sent_ids("settings") == [event.webhook_id] * 2


def test_what_was_delivered_again_meanwhile_is_not_sent_a_third_time(
    desk: Desk, account: Account
) -> None:
    """It is done today, which is behind any place that a range has come to."""
    over(desk, account, "done", 3)
    began = desk.clock.text
    assert replayed(desk, state="done")["replayed"] == 3
    desk.tick(seconds=1)
    assert desk.states(account, _OWN) == ["done"] * 3
    following = pages_of.cursor(account.id, f"done:@{began}")
    assert replayed(desk, state="done", next=following) == {"replayed": 0, "next": ""}
    assert replayed(desk, state="done")["replayed"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({"since": "2026-01-31T12:00:00Z", "form": "x"}, "body"),
        ({}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": 7}, "since"),
        ({"since": "2026-01-31"}, "since"),
        ({"since": "2026-01-31T12:00:00Z", "until": None}, "until"),
        ({"since": "2026-01-31T12:00:00Z", "until": "x"}, "until"),
        ({"since": "2026-01-31T12:00:00Z", "state": "owed"}, "state"),
        ({"since": "2026-01-31T12:00:00Z", "state": []}, "state"),
        ({"since": "2026-01-31T12:00:00Z", "next": "!"}, "next"),
        ({"since": "2026-01-31T12:00:00Z", "next": 7}, "next"),
        ({"since": "2026-01-31T12:00:00Z", "next": pages_of.cursor("acc_a", "d@x")}, "next"),
    ],
)
def test_a_bad_range_is_named_and_replays_nothing(
    desk: Desk, account: Account, body: Any, field: str
) -> None:
    over(desk, account, "dead")
    found = refused(lambda: desk.parts.replay.range(_OWN, body))
    assert found == ("field_invalid", field, 400)
    assert desk.states(account, _OWN) == ["dead"]
