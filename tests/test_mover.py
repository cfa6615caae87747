"""One account's move: wherever it is stopped, whoever writes meanwhile, it stays one account."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared import tend
from tests.moving import EACH_WRITE, WRITES, Moving


@pytest.mark.parametrize(("number", "phase"), EACH_WRITE)
def test_i4_stopped_at_any_write_it_is_found_tended_to_once_and_moved_by_the_next_call(
    moving: Moving, number: int, phase: str
) -> None:
    account = moving.account(labels=("kept",))
    moving.begin()
    moving.run_until(number, phase)
    found = moving.ours.accounts.get(account.id)
    assert found and found.labels == ("kept",) and found.generation == "g1"
    token = moving.ours.tokens.get(found.shard, account.id, "g1")
    assert token and (token.cache, token.rt_version) == (b"1", 1)
    assert [one["id"] for one in moving.ours.directory.page()["accounts"]] == [account.id]
    moving.clock.forward(minutes=40)  # its outbox is due, and whatever holds it has ended
    messages = moving.ours.enqueue.enqueue(moving.clock())
    messages += moving.ours.enqueue.enqueue(moving.clock())
    assert moving.claimed_by(messages) == [account.id]
    for message in messages:
        moving.ours.tend.receive(message.encode())
    moving.finish()
    assert moving.is_settled(account.id)
    assert moving.rows("accounts", account.id)[0]["claim"] == ""


def test_a_move_that_is_not_stopped_makes_as_many_writes_as_are_tried(moving: Moving) -> None:
    moving.account()
    moving.begin()
    moving.proxy.requests.clear()
    moving.run(moving.mover)
    assert len([one for one in moving.proxy.requests if not one.startswith("GET")]) == WRITES


@pytest.mark.parametrize(("number", "phase"), EACH_WRITE)
def test_a_mover_that_was_held_up_beyond_its_fence_makes_no_second_account(
    moving: Moving, number: int, phase: str
) -> None:
    account = moving.account()
    moving.begin()
    messages = []

    def later() -> None:
        moving.clock.forward(minutes=40)
        for _ in range(2):
            messages.extend(moving.ours.enqueue.enqueue(moving.clock()))

    moving.meet(later, number, phase)
    moving.run(moving.mover)
    settled = [
        row
        for row in moving.rows("accounts", account.id)
        if not row["claim"].startswith(("arrives-", "reshard-"))
    ]
    assert len(settled) == 1
    assert len(moving.claimed_by(messages)) <= 1
    moving.clock.forward(minutes=40)
    messages = moving.ours.enqueue.enqueue(moving.clock())
    assert moving.claimed_by(messages) == [account.id]
    moving.clock.forward(minutes=40)
    moving.finish()
    assert moving.is_settled(account.id)


def test_another_caller_who_overtakes_it_leaves_one_account(moving: Moving) -> None:
    for number, phase in EACH_WRITE:
        account = moving.account()
        moving.begin()

        def overtake() -> None:
            moving.clock.forward(seconds=61)
            moving.run()

        moving.meet(overtake, number, phase)
        moving.run(moving.mover)
        moving.proxy.watch(None)
        moving.clock.forward(seconds=61)
        moving.finish()
        assert moving.is_settled(account.id), (number, phase)


def at_each_step(moving: Moving, act: Callable[[str], object], **fields: Any) -> list[str]:
    """Has it done to an account at each step of its move; gives the accounts."""
    made = []
    for number, phase in EACH_WRITE:
        account = moving.account(**fields)
        moving.begin()
        moving.meet(partial(act, account.id), number, phase)
        moving.run(moving.mover)
        moving.proxy.watch(None)
        made.append(account.id)
    return made


def test_a_change_by_its_operator_stays(moving: Moving) -> None:
    made = at_each_step(
        moving, lambda one: moving.ours.directory.change(one, {"labels": ["changed"]})
    )
    moving.finish()
    for one in made:
        found = moving.ours.accounts.get(one)
        assert moving.is_settled(one) and found and found.labels == ("changed",)


def test_what_is_made_due_stays_due(moving: Moving) -> None:
    made = at_each_step(moving, lambda one: moving.ours.accounts.attempt_soon(one, moving.clock()))
    messages = moving.ours.enqueue.enqueue(moving.clock())
    moving.clock.forward(seconds=61)
    messages += moving.ours.enqueue.enqueue(moving.clock())
    assert sorted(moving.claimed_by(messages)) == sorted(made)


def test_a_check_that_is_asked_for_is_made_once(moving: Moving) -> None:
    messages = []
    made = at_each_step(
        moving, lambda one: messages.extend(moving.ours.enqueue.now(one)), status="active"
    )
    moving.clock.forward(seconds=1)
    messages += moving.ours.enqueue.enqueue(moving.clock())
    moving.clock.forward(seconds=2)  # before a claim's end
    messages += moving.ours.enqueue.enqueue(moving.clock())
    claimed = moving.claimed_by(messages)
    assert len(set(claimed)) == len(claimed) and set(claimed) <= set(made)
    moving.clock.forward(seconds=61)
    messages = moving.ours.enqueue.enqueue(moving.clock())
    assert set(moving.claimed_by(messages)) | set(claimed) == set(made)


def test_t39_who_is_removed_does_not_come_back(moving: Moving) -> None:
    made = at_each_step(moving, moving.ours.disconnect.disconnect)
    moving.clock.forward(minutes=40)
    moving.ours.enqueue.enqueue(moving.clock())
    moving.finish()
    for one in made:
        assert moving.ours.accounts.get(one) is None
        assert moving.rows("accounts", one) == moving.rows("tokens", one) == []


def test_who_signs_in_anew_has_one_account_with_the_new_token(moving: Moving) -> None:
    def sign_in(account_id: str) -> None:
        """As `Enrol` does it: the token, the generation, the row."""
        existing = moving.ours.accounts.get(account_id)
        assert existing
        shard = moving.ours.accounts.shard_of(account_id)
        before = moving.ours.tokens.get(shard, account_id)
        assert before
        anew = replace(before, shard=shard, generation="g2", cache=b"anew", rt_version=9)
        moving.ours.tokens.put(anew)
        moving.ours.outbox.open(account_id, "g2")
        wanted = replace(existing, generation="g2")
        assert moving.ours.claims.write_claimed(wanted, moving.clock(), existing)

    made = at_each_step(moving, sign_in)
    moving.clock.forward(seconds=61)
    moving.finish()
    for one in made:
        found = moving.ours.accounts.get(one)
        assert found and found.generation == "g2" and moving.is_settled(one)
        token = moving.ours.tokens.get(found.shard, one, "g2")
        assert token and token.cache == b"anew"


@pytest.mark.parametrize("generation", ["g1", "g2"])
def test_an_account_that_was_connected_in_both_shards_becomes_one(
    moving: Moving, generation: str
) -> None:
    """As by an instance with the former settings; the outbox says which of the two is at work."""
    account = moving.account(labels=("former",))
    own = moving.shard_of(account.id)
    anew = replace(account, shard=own, generation="g2", labels=("own",), claim="")
    moving.ours.tables.insert("accounts", anew.fields)
    token = moving.app.parts.tokens.get(account.shard, account.id)
    assert token
    moving.ours.tokens.put(replace(token, shard=own, generation="g2", cache=b"own"))
    moving.ours.outbox.open(account.id, generation)
    moving.begin()
    moving.finish()
    assert moving.is_settled(account.id)
    found = moving.ours.accounts.get(account.id)
    assert found and found.generation == generation
    token = moving.ours.tokens.get(own, account.id, generation)
    assert token and token.cache == {"g1": b"1", "g2": b"own"}[generation]


def test_a_run_whose_account_was_moved_gives_nothing_back(moving: Moving) -> None:
    account = moving.account(next_attempt_at=moving.now)
    moving.begin()
    (message,) = moving.ours.enqueue.enqueue(moving.clock())

    held = moving.ours.claims.claimed(tend.claim_of(message))
    moving.clock.forward(seconds=61)
    moving.run()
    assert moving.is_settled(account.id)
    assert moving.ours.claims.finish(held, lambda _: {"failures": 9}) == []
    assert moving.ours.tend.receive(message.encode()) == 0
    assert moving.rows("accounts", account.id)[0]["failures"] == 0
