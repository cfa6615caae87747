"""A token that moves: no older one ever takes its place, at whatever step an answer comes."""

import pytest

from shared.errors import Stale, TryAgain
from tests.moving import EACH_WRITE, Moving


@pytest.mark.parametrize(("number", "phase"), EACH_WRITE)
def test_i4_an_answer_that_comes_at_any_step_is_kept(
    moving: Moving, number: int, phase: str
) -> None:
    """Asked for before, and so slowly that the lease has ended."""
    account = moving.account()
    moving.begin()
    stored = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert stored
    leased = moving.ours.tokens.take(stored, moving.clock())
    moving.clock.forward(seconds=31)
    moving.meet(lambda: moving.ours.tokens.save(leased, moving.answer(b"2")), number, phase)
    moving.run(moving.mover)
    moving.finish()
    assert moving.is_settled(account.id)
    found = moving.ours.tokens.get(account.shard, account.id)
    assert found and (found.cache, found.rt_version) == (b"2", 2)


@pytest.mark.parametrize(("number", "phase"), EACH_WRITE)
def test_i4_who_begins_to_ask_at_any_step_keeps_its_answer(
    moving: Moving, number: int, phase: str
) -> None:
    account = moving.account()
    moving.begin()
    asked = []

    def ask() -> None:
        stored = moving.ours.tokens.get(account.shard, account.id, "g1")
        assert stored and stored.cache == b"1"
        asked.append(moving.ours.tokens.take(stored, moving.clock()))

    moving.meet(ask, number, phase)
    moving.run(moving.mover)
    saved = moving.ours.tokens.save(asked[0], moving.answer(b"2"))
    assert saved.rt_version == 2
    moving.finish()
    found = moving.ours.tokens.get(account.shard, account.id)
    assert moving.is_settled(account.id) and found and found.cache == b"2"


def test_f7_nobody_asks_twice_at_once_whatever_the_mover_does(moving: Moving) -> None:
    account = moving.account()
    moving.begin()
    stored = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert stored
    moving.ours.tokens.take(stored, moving.clock())
    assert moving.run() == [{"moved": 0, "left": 2, "next": ""}]  # the account, and its token
    again = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert again
    with pytest.raises(TryAgain, match="token_busy"):
        moving.ours.tokens.take(again, moving.clock())
    moving.clock.forward(seconds=31)
    moving.finish()
    assert moving.is_settled(account.id)


def test_i4_a_copy_that_was_left_behind_never_wins_also_the_other_way_round(
    moving: Moving,
) -> None:
    account = moving.account()
    moving.begin()
    moving.run_until(2, "answer")  # the token is copied, and nothing more
    stored = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert stored and stored.shard == account.shard
    moving.ours.tokens.save(stored, moving.answer(b"2"))
    back = moving.with_shards(1, 16)
    found = back.tokens.get(account.shard, account.id, "g1")
    assert found and found.cache == b"2"
    moving.clock.forward(minutes=11)
    moving.app.edit("once", "app", "heartbeat", shards=1, shards_before=16)
    for _ in range(3):
        back.reshard.run(None)
    assert [row["PartitionKey"] for row in moving.rows("tokens", account.id)] == ["00"]
    found = back.tokens.get("00", account.id, "g1")
    assert found and found.cache == b"2"


def test_stale_is_what_a_refresh_ends_with_that_is_gone_everywhere(moving: Moving) -> None:
    account = moving.account()
    moving.begin()
    stored = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert stored
    moving.ours.disconnect.disconnect(account.id)
    with pytest.raises(Stale):
        moving.ours.tokens.save(stored, moving.answer(b"2"))
