"""Claims: who may tend to accounts, and how a run gives back what it held."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import claims
from shared.account_rows import Account
from shared.claims import Claim
from shared.errors import Rejected, TryAgain
from shared.tables import Row
from tests.conftest import StartApp
from tests.due_accounts import IDS, TICK, at, made
from tests.lab.http_proxy import TableProxy
from tests.lab.stepped_app import SteppedApp


def claimed(app: SteppedApp, count: int, now: datetime = TICK) -> tuple[Claim, list[Account]]:
    """Accounts under a claim, as a run holds them."""
    made(app, count)
    store = app.parts.claims
    claim = store.claim(store.scan("00", TICK, at(0))[0], TICK, now)
    assert claim
    return claim, store.claimed(claim)


def given_back(app: SteppedApp, held: Sequence[Account], **columns: Any) -> list[str]:
    """Finishes the rows with these columns; gives the ids of what was written."""
    columns = {"next_check_at": at(60)} | columns
    return [one.id for one in app.parts.claims.finish(held, lambda row: columns)]


# The claim


def test_the_scan_finds_what_is_due_and_nothing_else(app: SteppedApp) -> None:
    made(app, 3)
    app.edit("accounts", "00", IDS[0], next_due_at=at(1))
    app.edit("accounts", "00", IDS[1], next_due_at=at(0))
    due = app.parts.claims.scan("00", TICK, at(0))[0]
    assert [row["RowKey"] for row in due] == IDS[1:3]


def test_the_scan_finds_active_accounts_that_were_not_read_too(app: SteppedApp) -> None:
    made(app, 3, next_check_at=at(60), last_success_at=at(0))
    app.edit("accounts", "00", IDS[1], last_success_at=at(-1))
    app.edit("accounts", "00", IDS[2], last_success_at=at(-1), status="blocked")
    due, found = app.parts.claims.scan("00", TICK, at(0))
    assert (due, [row["RowKey"] for row in found]) == ([], IDS[1:2])


def test_a_claim_marks_the_rows_and_puts_them_off(app: SteppedApp) -> None:
    claim, held = claimed(app, 3)
    assert [one.id for one in held] == IDS[:3]
    assert {one.claim for one in held} == {claim.claim}
    assert {one.next_due_at for one in held} == {at(3)}
    assert app.parts.claims.scan("00", TICK, at(0))[0] == []


def test_f50_a_claim_that_is_over_finds_nothing(app: SteppedApp) -> None:
    claim, held = claimed(app, 3)
    given_back(app, held)
    assert app.parts.claims.claimed(claim) == []


def test_f45_two_scans_of_the_same_rows_claim_each_once(app: SteppedApp) -> None:
    made(app, 50)
    store = app.parts.claims
    seen = store.scan("00", TICK, at(0))[0]
    first = store.claim(seen[:20], TICK, TICK)
    second = store.claim(seen, TICK, TICK)
    assert first
    assert second
    assert [one.id for one in store.claimed(first)] == IDS[:20]
    assert [one.id for one in store.claimed(second)] == IDS[20:50]
    assert store.claim(seen, TICK, TICK) is None


def test_one_stale_row_among_50_does_not_stop_a_claim(app: SteppedApp) -> None:
    made(app, 50)
    store = app.parts.claims
    seen = store.scan("00", TICK, at(0))[0]
    app.edit("accounts", "00", IDS[17], next_due_at=at(500), next_check_at=at(530))
    claim = store.claim(seen, TICK, TICK)
    assert claim
    assert [one.id for one in store.claimed(claim)] == IDS[:17] + IDS[18:50]
    left = app.account(IDS[17])
    assert (left.claim, left.next_due_at, left.next_check_at) == ("", at(500), at(530))


def test_a_claim_takes_no_row_that_came_due_in_between(app: SteppedApp) -> None:
    made(app, 3)
    app.edit("accounts", "00", IDS[1], next_due_at=at(500))
    store = app.parts.claims
    seen = store.scan("00", TICK, at(0))[0]
    app.edit("accounts", "00", IDS[1], next_due_at=at(0))
    app.edit("accounts", "00", IDS[2], reference="stale now")
    claim = store.claim(seen, TICK, TICK)
    assert claim
    assert [one.id for one in store.claimed(claim)] == [IDS[0], IDS[2]]


def test_f44_a_claim_that_was_never_cleared_counts_as_unfinished(app: SteppedApp) -> None:
    _, held = claimed(app, 2)
    later = TICK + timedelta(seconds=3)
    store = app.parts.claims
    claim = store.claim(store.scan("00", later, at(0))[0], later, later)
    assert claim
    assert [one.unfinished for one in store.claimed(claim)] == [1, 1]
    assert given_back(app, held) == []


def test_f8_a_claim_whose_answer_gets_lost_is_a_success(
    start_app: StartApp, lossy: TableProxy
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    made(app, 50)
    store = app.parts.claims
    due = store.scan("00", TICK, at(0))[0]
    lossy.lose()
    claim = store.claim(due, TICK, TICK)
    assert claim
    assert len(store.claimed(claim)) == 50


def test_a_claim_is_renewed_for_what_is_still_ours(app: SteppedApp) -> None:
    _, held = claimed(app, 3)
    app.edit("accounts", "00", IDS[1], claim="0" * 16)
    kept = app.parts.claims.renew(held, TICK + timedelta(seconds=60))
    assert [(one.id, one.next_due_at) for one in kept] == [(IDS[0], at(63)), (IDS[2], at(63))]
    assert app.account(IDS[1]).next_due_at == at(3)
    assert given_back(app, kept) == [IDS[0], IDS[2]]


def test_nothing_held_is_nothing_to_write(app: SteppedApp) -> None:
    assert app.parts.claims.renew([], TICK) == []
    assert given_back(app, []) == []


# Giving back


def test_giving_back_clears_the_claim_and_works_out_when_it_is_due(app: SteppedApp) -> None:
    _, held = claimed(app, 2)
    assert given_back(app, held, next_attempt_at=at(45), failures=3) == IDS[:2]
    row = app.account(IDS[0])
    assert (row.claim, row.unfinished, row.failures) == ("", 0, 3)
    assert (row.next_check_at, row.next_due_at) == (at(60), at(30))


def test_one_stale_row_among_50_does_not_stop_the_other_49(app: SteppedApp) -> None:
    _, held = claimed(app, 50)
    # A login made the account anew: its claim is another one's now.
    app.edit("accounts", "00", IDS[31], claim="f" * 16, generation="g2", next_due_at=at(9))
    written = given_back(app, held, last_success_at=at(1))
    assert written == IDS[:31] + IDS[32:50]
    assert {app.account(name).claim for name in written} == {""}
    left = app.account(IDS[31])
    assert (left.claim, left.generation, left.next_due_at) == ("f" * 16, "g2", at(9))
    assert left.last_success_at == ""


def test_after_a_stale_row_the_range_is_read_once_and_not_row_by_row(
    start_app: StartApp, lossy: TableProxy
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    _, held = claimed(app, 50)
    app.edit("accounts", "00", IDS[31], claim="f" * 16)
    lossy.requests.clear()
    given_back(app, held)
    assert [request.split()[0] for request in lossy.requests] == ["POST", "GET", "POST"]


def test_a_row_is_worked_out_anew_from_what_somebody_else_wrote(app: SteppedApp) -> None:
    _, held = claimed(app, 3)
    app.edit("accounts", "00", IDS[1], next_check_at=at(5), owed=4)

    def changes(row: Account) -> dict[str, Any]:
        return {"next_check_at": min(row.next_check_at, at(60)), "owed": row.owed + 1}

    written = app.parts.claims.finish(held, changes)
    assert len(written) == 3
    row = app.account(IDS[1])
    assert (row.owed, row.next_check_at, row.next_due_at) == (5, at(5), at(-25))
    assert app.account(IDS[0]).owed == 1


def test_f54_a_tombstone_is_left_alone(app: SteppedApp) -> None:
    _, held = claimed(app, 2)
    tombstone = Account(id=IDS[0], shard="00", deleted_at=at(1), next_due_at=at(1))
    app.parts.accounts.replace(replace(tombstone, etag=app.account(IDS[0]).etag))
    assert given_back(app, held, address="canary@outlook.example") == [IDS[1]]
    assert app.account(IDS[0]).address == ""


def test_f54_a_row_that_is_gone_is_not_made_again(app: SteppedApp) -> None:
    _, held = claimed(app, 2)
    app.parts.accounts.drop(app.account(IDS[0]))
    assert given_back(app, held) == [IDS[1]]
    assert app.parts.accounts.get(IDS[0]) is None


def test_f8_rows_that_never_stand_still_are_given_up_after_some_rounds(app: SteppedApp) -> None:
    _, held = claimed(app, 1)
    rounds: list[int] = []

    def changes(row: Account) -> dict[str, Any]:
        rounds.append(1)
        app.edit("accounts", "00", row.id, reference=f"{len(rounds)}")
        return {"failures": 1}

    with pytest.raises(TryAgain):
        app.parts.claims.finish(held, changes)
    assert len(rounds) < 10


def test_f8_giving_back_whose_answer_gets_lost_is_done(
    start_app: StartApp, lossy: TableProxy
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    _, held = claimed(app, 3)
    lossy.lose()
    given_back(app, held)
    assert {app.account(name).claim for name in IDS[:3]} == {""}


# Written with a claim: the callback


def test_a_written_account_is_claimed_at_once(app: SteppedApp) -> None:
    new = Account(id=IDS[0], shard="00", address="ada@outlook.example", next_check_at=at(0))
    claim = app.parts.claims.write_claimed(new, TICK)
    assert claim
    assert [one.address for one in app.parts.claims.claimed(claim)] == ["ada@outlook.example"]
    assert app.account(IDS[0]).next_due_at == at(3)


def test_writing_fences_a_run_in_flight_and_keeps_what_others_count(app: SteppedApp) -> None:
    _, held = claimed(app, 1)
    app.edit("accounts", "00", IDS[0], owed=4, dead=2)
    wanted = replace(held[0], generation="g2", owed=0, dead=0, unfinished=3)
    assert app.parts.claims.write_claimed(wanted, TICK)
    row = app.account(IDS[0])
    assert (row.generation, row.owed, row.dead, row.unfinished) == ("g2", 4, 2, 0)
    assert given_back(app, held) == []


def test_writing_keeps_what_was_changed_since_and_not_asked_to_change(app: SteppedApp) -> None:
    _, [begun] = claimed(app, 1)
    counted = "2026-01-31T12|3.0"
    patched = {"labels": '["patched"]', "common_endpoints": False, "activity": counted}
    app.edit("accounts", "00", IDS[0], **patched)
    wanted = replace(begun, endpoints=("ep_ours",))
    app.edit("accounts", "00", IDS[0], endpoints='["ep_theirs"]')
    assert app.parts.claims.write_claimed(wanted, TICK, begun)
    row = app.account(IDS[0])
    assert (row.labels, row.common_endpoints) == (("patched",), False)
    assert row.activity == counted
    assert row.endpoints == ("ep_ours",)


def test_t39_writing_does_not_bring_a_removed_account_back(app: SteppedApp) -> None:
    made(app, 1)
    app.edit("accounts", "00", IDS[0], deleted_at=at(0))
    assert app.parts.claims.write_claimed(Account(id=IDS[0], shard="00"), TICK) is None
    assert app.account(IDS[0]).deleted_at == at(0)


# Now: `POST check`


def test_checking_now_claims_the_one_row(app: SteppedApp) -> None:
    made(app, 2, next_check_at=at(900))
    claim = app.parts.claims.claim_now(IDS[0], TICK)
    assert claim
    (held,) = app.parts.claims.claimed(claim)
    assert (held.id, held.next_check_at, held.next_due_at) == (IDS[0], at(0), at(3))
    assert app.account(IDS[1]).claim == ""


def test_checking_now_leaves_a_running_claim_and_makes_the_check_due(app: SteppedApp) -> None:
    _, held = claimed(app, 1)
    assert app.parts.claims.claim_now(IDS[0], TICK) is None
    row = app.account(IDS[0])
    assert (row.claim, row.next_check_at) == (held[0].claim, at(0))


def test_checking_now_takes_over_a_claim_that_has_ended(app: SteppedApp) -> None:
    claimed(app, 1)
    assert app.parts.claims.claim_now(IDS[0], TICK + timedelta(seconds=4))
    assert app.account(IDS[0]).unfinished == 1


def test_f8_checking_now_is_a_success_where_its_answer_gets_lost(
    start_app: StartApp, lossy: TableProxy
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    made(app, 1)
    lossy.lose()
    claim = app.parts.claims.claim_now(IDS[0], TICK)
    assert claim
    assert [one.id for one in app.parts.claims.claimed(claim)] == [IDS[0]]


@pytest.mark.parametrize(
    ("columns", "code", "status"),
    [
        ({"deleted_at": at(0)}, "account_unknown", 404),
        ({"status": "reconnect_required"}, "account_inactive", 409),
    ],
)
def test_only_what_can_be_checked_is_checked_now(
    app: SteppedApp, columns: dict[str, str], code: str, status: int
) -> None:
    made(app, 1)
    app.edit("accounts", "00", IDS[0], **columns)
    with pytest.raises(Rejected) as caught:
        app.parts.claims.claim_now(IDS[0], TICK)
    assert (caught.value.code, caught.value.status) == (code, status)


def test_an_unknown_account_and_the_systems_row_are_not_checked(app: SteppedApp) -> None:
    app.parts.accounts.insert(Account(id="system", shard="00", status="system"))
    for name in ("system", IDS[0]):
        with pytest.raises(Rejected, match="account_unknown"):
            app.parts.claims.claim_now(name, TICK)


# Batches


def due_rows(*unfinished: int) -> list[Row]:
    """Due rows in key order, the later ones the longer overdue."""
    return [
        Row(
            {"RowKey": f"{number:04d}", "unfinished": count, "next_due_at": at(-60 * number)},
            "etag",
        )
        for number, count in enumerate(unfinished)
    ]


def batches(rows: list[Row]) -> list[list[int]]:
    return [[int(row["RowKey"]) for row in batch] for batch in claims.batches(rows)]


def test_a_batch_is_up_to_100_neighbours_and_the_longest_overdue_goes_first() -> None:
    found = batches(due_rows(*[0] * 220))
    assert found == [list(range(200, 220)), list(range(100, 200)), list(range(100))]


def test_batches_that_came_due_in_the_same_minute_keep_the_order_of_their_keys() -> None:
    rows = due_rows(*[0] * 200)
    for number, row in enumerate(rows):
        row["next_due_at"] = f"2026-01-02T03:04:{59 - number // 100 * 30:02d}Z"
    assert batches(rows) == [list(range(100)), list(range(100, 200))]


def test_f30_what_was_left_unfinished_twice_goes_alone() -> None:
    assert sorted(batches(due_rows(0, 2, 1, 3))) == [[0, 2], [1], [3]]


def test_f30_at_most_20_go_alone_in_a_tick_the_longest_overdue_of_them() -> None:
    found = batches(due_rows(*[2] * 30))
    assert sorted(found) == [[number] for number in range(10, 30)]


def test_nothing_due_is_no_batch() -> None:
    assert batches([]) == []


def test_a_claims_mark_is_never_the_same() -> None:
    assert len({claims.new_mark() for _ in range(100)}) == 100
