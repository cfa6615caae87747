"""Moving accounts to other shards: nothing is lost, doubled or held up, wherever it is stopped."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared import ids, instants
from shared.errors import Rejected, Stale, TryAgain
from tests.conftest import StartApp
from tests.lab.services import Services
from tests.moving import Moving

_WRITES = 6  # fence, token's copy, token's end, copy, end, mark
_EACH_WRITE = [(number, at) for number in range(1, _WRITES + 1) for at in ("request", "answer")]


@pytest.fixture
def moving(start_app: StartApp, services: Services) -> Iterator[Moving]:
    made = Moving(start_app, services)
    yield made
    made.close()


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


# What stops it


@pytest.mark.parametrize(("number", "phase"), _EACH_WRITE)
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
    assert len([one for one in moving.proxy.requests if not one.startswith("GET")]) == _WRITES


@pytest.mark.parametrize(("number", "phase"), _EACH_WRITE)
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
    for number, phase in _EACH_WRITE:
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


# Tokens that are renewed meanwhile


@pytest.mark.parametrize(("number", "phase"), _EACH_WRITE)
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


@pytest.mark.parametrize(("number", "phase"), _EACH_WRITE)
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


# Others who write, at any step


def at_each_step(moving: Moving, act: Callable[[str], object], **fields: Any) -> list[str]:
    """Has it done to an account at each step of its move; gives the accounts."""
    made = []
    for number, phase in _EACH_WRITE:
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


# Others who look, at any step


def test_it_is_found_and_listed_once_at_every_request(moving: Moving) -> None:
    stays = moving.account()
    account = moving.account(dead=1, owed=1, owed_since="2026-01-31T12:00:00Z")
    both = sorted([stays.id, account.id])
    moving.begin()
    seen = []

    def look() -> None:
        found = moving.ours.accounts.get(account.id)
        assert found
        assert moving.ours.tokens.get(found.shard, account.id, "g1")
        pages = [moving.ours.directory.page("1")]
        while pages[-1]["cursor"]:
            pages.append(moving.ours.directory.page("1", pages[-1]["cursor"]))
        assert [one["id"] for page in pages for one in page["accounts"]] == both
        assert moving.ours.accounts.with_dead() == [account.id]
        assert [row["owed"] for row in moving.ours.accounts.owing()] == [1]
        seen.append(found.shard)

    def watched(at: str, what: str) -> None:
        try:
            look()
        except Exception as error:  # in the proxy's thread
            moving.failed.append(error)

    moving.proxy.watch(watched)
    moving.run(moving.mover)
    moving.proxy.watch(None)
    assert len(seen) > 12 and len(set(seen)) == 2
    assert moving.is_settled(account.id)


def test_it_is_found_however_the_move_falls_between_the_reads(moving: Moving) -> None:
    """Here it is who looks that is behind the proxy, and the move is made at each of its reads."""
    for number in range(1, 4):
        account = moving.account()
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert moving.mover.accounts.get(account.id)
        moving.proxy.watch(None)
        account = moving.account()
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert moving.mover.tokens.get("", account.id, "g1")
        moving.proxy.watch(None)


def test_a_listing_misses_nobody_however_the_move_falls_between_its_reads(
    start_app: StartApp, services: Services
) -> None:
    moving = Moving(start_app, services, 4, 6)
    for number in range(1, 11):
        moving.account()
        listed = moving.app.parts.accounts.after("", 100)
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert {one.id for one in moving.mover.accounts.after("", 100)} >= {
            one.id for one in listed
        }
        moving.proxy.watch(None)
    moving.close()


# What is not as it should be


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


def test_a_run_whose_account_was_moved_gives_nothing_back(moving: Moving) -> None:
    account = moving.account(next_attempt_at=moving.now)
    moving.begin()
    (message,) = moving.ours.enqueue.enqueue(moving.clock())
    from shared import tend

    held = moving.ours.claims.claimed(tend.claim_of(message))
    moving.clock.forward(seconds=61)
    moving.run()
    assert moving.is_settled(account.id)
    assert moving.ours.claims.finish(held, lambda _: {"failures": 9}) == []
    assert moving.ours.tend.receive(message.encode()) == 0
    assert moving.rows("accounts", account.id)[0]["failures"] == 0


def test_systems_row_moves_like_any_other(start_app: StartApp, services: Services) -> None:
    moving = Moving(start_app, services, 1, 16)
    assert ids.shard_of("system", 16) != "00"
    from shared import events

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


def test_stale_is_what_a_refresh_ends_with_that_is_gone_everywhere(moving: Moving) -> None:
    account = moving.account()
    moving.begin()
    stored = moving.ours.tokens.get(account.shard, account.id, "g1")
    assert stored
    moving.ours.disconnect.disconnect(account.id)
    with pytest.raises(Stale):
        moving.ours.tokens.save(stored, moving.answer(b"2"))
