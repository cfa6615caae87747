"""A queue message's accounts: whose claim still holds, what is dropped, what a kill leaves."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import instants
from shared.account_rows import Account
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.imap_proxy import ImapProxy, after
from tests.lab.lab import Lab
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until

TABLES = ("accounts", "mailboxes", "tokens")
# What a run writes when it gives an account back.
GIVEN_BACK = ("claim", "owed", "unfinished", "next_due_at", "next_attempt_at", "next_check_at")


def stored(app: SteppedApp) -> dict[str, list[dict[str, Any]]]:
    return {table: app.rows(table) for table in TABLES}


@pytest.fixture
def account(app: SteppedApp, address: str) -> Account:
    return app.settled(address)


# F50: whose claim is it


def enqueued(app: SteppedApp) -> bytes:
    (message,) = app.parts.enqueue.enqueue(instants.now())
    return message.encode()


def test_f50_a_message_that_was_served_finds_nothing_the_second_time(
    app: SteppedApp, address: str, account: Account
) -> None:
    message = enqueued(app)
    assert app.parts.tend.receive(message) == 1
    app.put(address)
    before = stored(app)
    assert app.parts.tend.receive(message, deliveries=2) == 0
    assert stored(app) == before and app.subjects(address) == []


def test_f50_a_stale_message_finds_nothing_where_another_claim_runs(
    app: SteppedApp, address: str, account: Account
) -> None:
    stale = enqueued(app)
    app.edit("accounts", account.shard, account.id, next_due_at="2020-01-01T00:00:00Z")
    fresh = enqueued(app)
    app.put(address)
    before = stored(app)
    assert app.parts.tend.receive(stale) == 0
    assert stored(app) == before and app.subjects(address) == []
    assert app.parts.tend.receive(fresh) == 1


def test_f50_two_runs_of_one_message_at_once_tell_each_mail_under_one_id(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    app.settled(address)
    app.put(address)
    message = enqueued(app)
    again = after(lambda: app.parts.tend.receive(message, deliveries=2))
    proxy.on(r"UID FETCH \S+ \(BODY", again, times=1)
    app.parts.tend.receive(message)
    assert app.subjects(address) == ["Hello"]
    assert app.rows("accounts")[0]["claim"] == ""


def test_a_claim_taken_by_another_in_the_middle_is_not_given_back(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    message = enqueued(app)
    taken = {"claim": "f" * 16, "next_due_at": instants.after(instants.now(), 60)}
    proxy.on(
        "STATUS", after(lambda: app.edit("accounts", account.shard, account.id, **taken)), times=1
    )
    assert app.parts.tend.receive(message) == 0
    row = app.rows("accounts")[0]
    assert {name: row[name] for name in taken} == taken


# After a kill


def killed_after_recording(app: SteppedApp, account: Account) -> bytes:
    """As a kill leaves it: mail is owed and due, the row knows nothing of it, the claim stands."""
    app.services.receiver.answer({"status": 500})
    app.put(account.address)
    message = enqueued(app)
    before = app.rows("accounts")[0]
    app.parts.tend.receive(message)
    app.services.receiver.answer()
    app.make_attempts_due(account.id)
    app.edit("accounts", account.shard, account.id, **{k: before[k] for k in GIVEN_BACK})
    return message


def test_f47_a_message_that_comes_again_after_a_kill_finds_what_is_owed(
    app: SteppedApp, address: str, account: Account
) -> None:
    message = killed_after_recording(app, account)
    assert app.parts.tend.receive(message, deliveries=2) == 1
    assert app.subjects(address) == ["Hello", "Hello"]
    row = app.account(account.id)
    assert (row.owed, row.unfinished, row.claim) == (0, 0, "")


def test_f47_a_claim_that_ended_comes_due_and_finds_what_is_owed(
    app: SteppedApp, address: str, account: Account
) -> None:
    killed_after_recording(app, account)
    assert app.tick() == 0
    assert app.tick_in(4) == 1
    assert app.subjects(address) == ["Hello", "Hello"]
    assert len({one["headers"]["webhook-id"] for one in app.webhooks(address)}) == 1
    assert app.account(account.id).owed == 0


def test_f44_each_lost_run_is_counted_until_one_comes_to_its_end(
    app: SteppedApp, account: Account
) -> None:
    for lost in range(3):
        assert app.parts.enqueue.enqueue(instants.now())
        assert app.account(account.id).unfinished == lost
        app.edit("accounts", account.shard, account.id, next_due_at="2020-01-01T00:00:00Z")
    app.tick()
    assert app.account(account.id).unfinished == 0


# Side by side


def test_i5_a_mailbox_that_is_slow_does_not_hold_up_its_neighbours(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    slow, quick = f"slow.{address}", f"quick.{address}"
    for one in (slow, quick):
        app.settled(one)
        app.put(one)

    def until_the_other_was_told() -> None:
        wait_until(lambda: app.subjects(quick) or app.subjects(slow), 5)

    proxy.on("STATUS", after(until_the_other_was_told), times=1)
    assert app.tick() == 1
    assert app.subjects(slow) == app.subjects(quick) == ["Hello"]


def test_a_long_run_keeps_its_claim(start_app: StartApp, proxy: ImapProxy, address: str) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}", CLAIM_SECONDS="2")
    app.settled(address)
    message = enqueued(app)
    end = app.rows("accounts")[0]["next_due_at"]
    renewed: list[bool] = []

    def until_it_is_renewed() -> None:
        renewed.append(wait_until(lambda: app.rows("accounts")[0]["next_due_at"] > end, 5))

    proxy.on("STATUS", after(until_it_is_renewed), times=1)
    assert app.parts.tend.receive(message) == 1
    assert renewed


# T32: what is not ours


def changed(**fields: Any) -> Callable[[dict[str, Any]], str]:
    return lambda message: json.dumps(message | fields)


JUNK: list[Any] = [
    "",
    "junk",
    "[]",
    "null",
    "{}",
    '{"v": 1}',
    "\u0000\u00ff",
    "[" * 3000,
    changed(v=2),
    changed(v="1"),
    changed(claim="x"),
    changed(claim=["a"]),
    changed(claim=None),
    changed(shard="00' or '1' eq '1"),
    changed(first="../accounts"),
    changed(last={"a": 1}),
    changed(tick="yesterday"),
    changed(tick=5),
]


def test_t32_junk_is_dropped_counted_and_touches_nothing(
    app: SteppedApp, address: str, account: Account
) -> None:
    app.put(address)
    good = enqueued(app)
    before = stored(app)
    for junk in JUNK:
        body = junk if isinstance(junk, str) else junk(json.loads(good))
        assert app.parts.tend.receive(body.encode("utf-8", "replace")) == 0, body
    assert stored(app) == before
    assert app.parts.once.counted("dropped") == len(JUNK)
    assert app.parts.tend.receive(good) == 1


def test_t32_an_unknown_range_is_nobodys(app: SteppedApp, account: Account) -> None:
    message = json.loads(enqueued(app))
    unknown = message | {"first": "acc_zzz", "last": "acc_zzzz", "shard": "77"}
    assert app.parts.tend.receive(json.dumps(unknown).encode()) == 0


def test_t32_junk_in_the_real_queue_does_not_stop_the_host(lab: Lab, address: str) -> None:
    def lost() -> Any:
        return lab.host.api("GET", "health/details").json()["queue_messages"]

    before = lost()
    for queue, junk in (("mailboxes-due", "junk"), ("mailboxes-due-poison", "given up")):
        lab.enqueue(queue, junk)
    after_it = {"dropped": before["dropped"] + 1, "poisoned": before["poisoned"] + 1}
    wait_until(lambda: lost() == after_it)
    lab.connect(address)
    lab.receiver.wait_for(1, address, "mailbox.ready")


# What it costs


def test_an_idle_batch_costs_at_most_six_table_requests_cold_and_warm(
    start_app: StartApp, lossy: TableProxy, address: str
) -> None:
    """The hourly reading of an outbox comes on top; how many accounts are in it does not count."""
    app = start_app(STORAGE=lossy.connection_string, CLAIM_SECONDS="300")
    for number in range(12):
        app.settled(f"{number}.{address}")
    begun = instants.now()
    quiet = begun + timedelta(minutes=(15 - begun.minute) % 10)  # no purge in that minute
    counts = []
    for seconds in (0, 70, 140):
        if seconds != 70:
            app.restart()
        lossy.requests.clear()
        assert app.tick(quiet + timedelta(seconds=seconds)) == 1
        counts.append(sum("/mailboxes" not in one for one in lossy.requests))
    assert counts == [6, 5, 6]


# F46: the deadline of a run


def test_f46_what_a_run_has_no_time_for_is_told_by_the_next(
    proxied: StartApp, proxy: ImapProxy, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, *map(str, range(200)))
    monkeypatch.setattr("shared.tend.DEADLINE_SECONDS", 13)  # three seconds for the mailbox
    proxy.on(r"UID FETCH .*BODY", after(lambda: time.sleep(2)))
    app.tick_in(60)
    assert len(app.subjects(address)) in {0, 97}  # one group at most
    proxy.behave()
    monkeypatch.undo()  # three seconds are little on a busy machine
    app.tick_in(900)
    assert sorted(app.subjects(address), key=int) == list(map(str, range(200)))
