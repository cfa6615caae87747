"""Reshard: every account goes to its shard, in passes that may be ended, repeated and doubled."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import events, ids, instants
from shared.errors import Rejected, TryAgain
from tests.conftest import StartApp
from tests.lab.services import Services
from tests.moving import Moving


def same(row: dict[str, Any]) -> dict[str, Any]:
    """What a move leaves as it is."""
    return {k: v for k, v in row.items() if k not in {"PartitionKey", "next_due_at"}}


@pytest.mark.parametrize(("before", "after"), [(1, 16), (16, 1), (16, 64), (64, 16), (4, 6)])
def test_every_account_goes_to_its_shard_with_its_token(
    start_app: StartApp, services: Services, before: int, after: int
) -> None:
    moving = Moving(start_app, services, before, after)
    made = [moving.account(labels=(f"{number}",)).id for number in range(12)]
    rows = {one: moving.rows("accounts", one)[0] for one in made}
    tokens = {one: moving.rows("tokens", one)[0] for one in made}
    moving.begin()
    assert moving.run() == [{"moved": 12, "left": 0, "next": ""}]
    assert all(map(moving.is_settled, made))
    for one in made:
        assert same(moving.rows("accounts", one)[0]) == same(rows[one])
        assert same(moving.rows("tokens", one)[0]) == same(tokens[one])
    assert moving.run() == [{"moved": 0, "left": 0, "next": ""}]
    moving.close()


def test_it_goes_on_where_its_time_ended(moving: Moving) -> None:
    made = [moving.account().id for _ in range(120)]
    moving.begin()
    told = moving.run(seconds=-1)
    assert len(told) >= 2 and sum(one["moved"] for one in told) == 120
    assert all(map(moving.is_settled, made))


def test_two_callers_at_once_move_each_account_once(moving: Moving) -> None:
    made = [moving.account().id for _ in range(60)]
    moving.begin()
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(moving.run, (moving.ours, moving.mover)))
    # What one has just moved the other may find arriving, and end its move.
    assert sum(one["moved"] for both in told for one in both) >= 60
    assert all(map(moving.is_settled, made))
    moving.finish()


def test_without_shards_before_it_is_refused(moving: Moving) -> None:
    with pytest.raises(Rejected, match=r"reshard_off \(SHARDS_BEFORE\)"):
        moving.app.parts.reshard.run(None)


@pytest.mark.parametrize("body", [[], {"nxt": ""}, {"next": 1}, {"next": "!"}, {"next": "YXxifGM"}])
def test_a_body_that_is_none_is_refused(moving: Moving, body: Any) -> None:
    moving.begin()
    with pytest.raises(Rejected, match="field_invalid"):
        moving.ours.reshard.run(body)


def test_it_waits_until_no_former_instance_can_be_running(moving: Moving) -> None:
    account = moving.account()
    moving.ours.shards.verify()
    with pytest.raises(TryAgain, match="reshard_too_early") as caught:
        moving.ours.reshard.run(None)
    assert caught.value.retry_after_seconds == 600
    moving.clock.forward(minutes=11)
    moving.app.tick()  # the timer still runs with the former settings
    with pytest.raises(TryAgain, match="reshard_too_early"):
        moving.ours.reshard.run(None)
    moving.ours.enqueue.enqueue(moving.clock())
    moving.run()
    assert moving.is_settled(account.id)


def test_accounts_that_a_run_holds_are_left_for_later(moving: Moving) -> None:
    until = instants.after(moving.clock(), 3600)
    account = moving.account()
    moving.app.edit("accounts", "00", account.id, claim="a" * 16, next_due_at=until)
    moving.begin()
    assert moving.run() == [{"moved": 0, "left": 2, "next": ""}]
    assert moving.rows("accounts", account.id)[0]["claim"] == "a" * 16
    moving.clock.forward(hours=1)
    moving.run()
    row = moving.rows("accounts", account.id)[0]
    assert moving.is_settled(account.id) and row["unfinished"] == 1


def test_systems_row_moves_like_any_other(start_app: StartApp, services: Services) -> None:
    moving = Moving(start_app, services, 1, 16)
    assert ids.shard_of("system", 16) != "00"

    account = moving.account()
    told = events.disconnected(account, "system", moving.now)
    moving.app.parts.system.tell(told)
    moving.begin()
    moving.run()
    moving.ours.system.tell(told)
    rows = moving.rows("accounts", "system")
    assert [row["PartitionKey"] for row in rows] == [ids.shard_of("system", 16)]
    moving.close()


def test_a_token_without_an_account_goes_from_the_former_shards(moving: Moving) -> None:
    account = moving.account()
    moving.app.parts.tables.delete("accounts", "00", account.id)
    moving.begin()
    moving.finish()
    assert moving.rows("tokens", account.id) == []
