"""The timer: what is due is claimed, once, and stands in a queue message."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import ids, instants
from shared.account_rows import Account
from shared.enqueue import Enqueue
from shared.errors import Rejected
from shared.tables import Insert
from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy, after
from tests.lab.stepped_app import SteppedApp

PAST = "2020-01-01T00:00:00Z"
LATER = timedelta(seconds=4)  # a claim of the lab has ended then


def due_accounts(app: SteppedApp, count: int, **columns: Any) -> list[str]:
    """Rows of accounts that are overdue, made without a sign-in; gives their ids in order."""
    accounts = app.parts.accounts
    made = sorted(ids.account_id("tid", str(number), "") for number in range(count))
    rows = [
        Account(id=one, shard=accounts.shard_of(one), **{"next_check_at": PAST} | columns).fields
        for one in made
    ]
    for shard in accounts.shards:
        for start in range(0, count, 100):
            batch = [
                Insert(row) for row in rows[start : start + 100] if row["PartitionKey"] == shard
            ]
            if batch:
                app.parts.tables.transact("accounts", batch)
    return made


def enqueued(app: SteppedApp, at: datetime | None = None) -> list[dict[str, Any]]:
    return [json.loads(message) for message in app.parts.enqueue.enqueue(at or instants.now())]


def rows_by_claim(app: SteppedApp) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in app.rows("accounts"):
        found.setdefault(row["claim"], []).append(row["RowKey"])
    return found


def everybody(claimed: dict[str, list[str]]) -> list[str]:
    return sorted(one for ids_ in claimed.values() for one in ids_)


def test_nothing_due_is_no_message_and_still_a_heartbeat(app: SteppedApp) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    due_accounts(app, 3, next_check_at="2026-01-02T03:05:00Z")
    assert enqueued(app, at) == []
    beat = app.rows("once", RowKey="heartbeat")[0]
    assert (beat["at"], beat["due"]) == ("2026-01-02T03:04:00Z", 0)


def test_a_check_counts_30_seconds_early_and_nothing_else_does(app: SteppedApp) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    soon = "2026-01-02T03:04:30Z"
    due_accounts(app, 1, next_check_at=instants.NEVER, next_attempt_at=soon, next_refresh_at=soon)
    assert enqueued(app, at) == []
    row = app.rows("accounts")[0]
    app.edit("accounts", row["PartitionKey"], row["RowKey"], next_due_at="2026-01-02T03:04:00Z")
    assert len(enqueued(app, at)) == 1


def test_one_message_stands_for_up_to_100_accounts(app: SteppedApp) -> None:
    known = due_accounts(app, 220)
    messages = enqueued(app)
    claimed = rows_by_claim(app)
    assert sorted(len(claimed[one["claim"]]) for one in messages) == [20, 100, 100]
    for one in messages:
        mine = claimed[one["claim"]]
        assert (one["first"], one["last"]) == (min(mine), max(mine))
    assert everybody(claimed) == known


def test_a_message_holds_a_range_and_a_mark_and_no_address(app: SteppedApp) -> None:
    due_accounts(app, 1, address="canary@outlook.example")
    message = app.parts.enqueue.enqueue(instants.now())[0]
    assert set(json.loads(message)) == {"v", "shard", "first", "last", "claim", "tick"}
    assert "canary" not in message


def test_each_shard_has_messages_of_its_own(start_app: StartApp) -> None:
    app = start_app(SHARDS="4")
    known = due_accounts(app, 40)
    shards = {row["PartitionKey"] for row in app.rows("accounts")}
    messages = enqueued(app)
    assert {one["shard"] for one in messages} == shards == {"00", "01", "02", "03"}
    assert everybody(rows_by_claim(app)) == known


def test_a_tick_that_takes_too_long_hands_over_what_it_has_and_the_next_begins_with_the_rest(
    start_app: StartApp,
) -> None:
    """The host's time limit ends a run without any of its messages, so ours comes before it."""
    app = start_app(SHARDS="2")
    known = due_accounts(app, 12)
    parts = app.parts
    hurried = Enqueue(
        *(parts.claims, parts.once, parts.settings, parts.now, parts.settle),
        batch=4,
        claiming_seconds=0,
    )
    late = app.rows("accounts", PartitionKey="01")[-1]
    app.edit("accounts", late["PartitionKey"], late["RowKey"], next_due_at="2019-01-01T00:00:00Z")
    taken = [hurried.enqueue(instants.now()) for _ in range(6)]
    assert {len(messages) for messages in taken} <= {0, 1}
    assert json.loads(taken[0][0])["last"] == late["RowKey"]
    assert everybody(rows_by_claim(app)) == known
    assert "" not in rows_by_claim(app)


def test_what_is_claimed_is_not_claimed_again(app: SteppedApp) -> None:
    due_accounts(app, 3)
    assert [len(enqueued(app)) for _ in range(3)] == [1, 0, 0]


def test_f45_timers_that_overlap_claim_each_account_once(app: SteppedApp) -> None:
    known = due_accounts(app, 60)
    with ThreadPoolExecutor(4) as pool:
        messages = [one for found in pool.map(lambda _: enqueued(app), range(4)) for one in found]
    claimed = rows_by_claim(app)
    assert "" not in claimed
    assert set(claimed) <= {one["claim"] for one in messages}
    assert everybody(claimed) == known


def test_f44_what_was_claimed_and_not_sent_comes_due_when_its_claim_ends(app: SteppedApp) -> None:
    due_accounts(app, 2)
    lost = enqueued(app)
    assert enqueued(app, instants.now() + timedelta(seconds=2)) == []
    again = enqueued(app, instants.now() + LATER)
    assert len(lost) == len(again) == 1 and lost[0]["claim"] != again[0]["claim"]
    assert {row["unfinished"] for row in app.rows("accounts")} == {1}


def test_what_was_left_unfinished_twice_gets_a_message_of_its_own(app: SteppedApp) -> None:
    suspects = due_accounts(app, 3, unfinished=2, claim="0" * 16)
    messages = enqueued(app)
    assert sorted((one["first"], one["last"]) for one in messages) == [(s, s) for s in suspects]


def test_at_most_20_of_these_are_sent_a_tick(app: SteppedApp) -> None:
    due_accounts(app, 25, unfinished=2, claim="0" * 16)
    assert len(enqueued(app)) == 20
    assert len(enqueued(app)) == 5


def test_f45_after_six_hours_off_each_account_is_claimed_once(app: SteppedApp) -> None:
    due_accounts(app, 10, next_check_at=instants.after(instants.now(), -6 * 3600))
    assert [len(enqueued(app)) for _ in range(3)] == [1, 0, 0]


def test_the_heartbeat_says_what_was_oldest(app: SteppedApp) -> None:
    due_accounts(app, 2)
    enqueued(app)
    beat = app.rows("once", RowKey="heartbeat")[0]
    assert (beat["due"], beat["oldest_due_at"]) == (2, instants.after(instants.parse(PAST), -30))


def test_logins_that_expired_are_purged(app: SteppedApp) -> None:
    now = instants.now()
    for number, began in enumerate((now, now - timedelta(minutes=11))):
        app.parts.once.open_login(f"state {number}", "cookie", {}, began)
    enqueued(app)
    left = app.rows("once", PartitionKey="login")
    assert [row["RowKey"] for row in left] == [ids.sha256_hex("state 0")]


# Asked to look now


def test_an_account_that_is_asked_for_is_claimed_and_sent(app: SteppedApp) -> None:
    one = due_accounts(app, 1, next_check_at=instants.after(instants.now(), 500))[0]
    message = json.loads(app.parts.enqueue.now(one)[0])
    assert (message["first"], message["last"]) == (one, one)
    row = app.rows("accounts")[0]
    assert row["claim"] == message["claim"] and row["next_check_at"] <= message["tick"]


def test_while_a_claim_runs_there_is_no_second_message(app: SteppedApp) -> None:
    one = due_accounts(app, 1)[0]
    enqueued(app)
    assert app.parts.enqueue.now(one) == []


def test_a_killed_runs_account_can_be_asked_for_again(app: SteppedApp) -> None:
    one = due_accounts(app, 1, claim="0" * 16)[0]
    assert len(app.parts.enqueue.now(one)) == 1
    assert app.rows("accounts")[0]["unfinished"] == 1


@pytest.mark.parametrize(
    ("columns", "status"),
    [({"status": "reconnect_required"}, 409), ({"deleted_at": PAST}, 404)],
    ids=str,
)
def test_only_what_can_be_checked_is_sent(
    app: SteppedApp, columns: dict[str, str], status: int
) -> None:
    one = due_accounts(app, 1, **columns)[0]
    with pytest.raises(Rejected) as refused:
        app.parts.enqueue.now(one)
    assert refused.value.status == status


def test_asked_for_in_the_middle_of_a_check_it_is_looked_at_once_more(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}", CHECK_INTERVAL_SECONDS="600")
    account = app.settled(address)
    app.tick()
    proxy.on("STATUS", after(lambda: app.parts.enqueue.now(account.id)), times=1)
    assert app.tick_in(600) == 1
    assert app.tick() == 1
    assert app.tick() == 0
