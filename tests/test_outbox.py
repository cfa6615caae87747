"""The outbox: events and cursor together, moves that are never torn, and nothing twice."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import ids, instants
from shared.connector import Connector
from shared.errors import Stale
from shared.outbox import Outbox
from shared.outbox_rows import TABLE, Cursor, Delivery, Event, State
from shared.tables import Row
from shared.vault import Vault
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_DUE = instants.text(_NOW)
_LATER = "2026-01-31T12:05:00Z"


class Box:
    """One account's outbox as a run works with it."""

    def __init__(self, parts: Connector, account: str) -> None:
        self.parts = parts
        self.outbox: Outbox = parts.outbox
        self.account = account
        self.state: State = self.outbox.open(account, "g1")
        self.outbox.add_cursor(account, "INBOX")

    @property
    def cursor(self) -> Cursor:
        return self.outbox.cursors(self.account)["INBOX"]

    def event(self, uid: int, **changed: Any) -> Event:
        about: dict[str, Any] = {
            "endpoints": {"ep_settings": Delivery(next=_DUE)},
            "envelope": {"message_id": f"<{uid}@sender.example>", "date": "d"},
        } | changed
        kind = "mail.received"
        webhook_id = ids.mail_webhook_id(self.account, "INBOX", 7, uid, kind)
        return Event(webhook_id, kind, _DUE, folder="INBOX", uidvalidity=7, uid=uid, **about)

    def record(self, *uids: int, state: State | None = None) -> list[Event]:
        """Owes mails with these UIDs and moves the cursor to the last of them."""
        cursor = self.cursor
        moved = replace(cursor, uidvalidity=7, last_uid=uids[-1])
        events = [self.event(uid) for uid in uids]
        self.state, _, stored = self.outbox.record(state or self.state, cursor, moved, events)
        return stored

    def row_keys(self, prefix: str = "") -> list[str]:
        rows = self.parts.tables.query(TABLE, ("PartitionKey", "eq", self.account), select=("uid",))
        return [row["RowKey"] for row in rows if row["RowKey"].startswith(prefix)]

    def row(self, key: str) -> Row:
        found = self.parts.tables.get(TABLE, self.account, key)
        assert found
        return found

    def change(self, key: str, **columns: Any) -> None:
        """As another run would, between our reading and our writing."""
        fields = {"PartitionKey": self.account, "RowKey": key, **columns}
        self.parts.tables.update(TABLE, fields, self.row(key).etag)


@pytest.fixture
def box(parts: Connector, account_id: str) -> Box:
    return Box(parts, account_id)


@pytest.fixture
def lossy_box(start_app: StartApp, lossy: TableProxy, account_id: str) -> Box:
    return Box(start_app(STORAGE=lossy.connection_string).parts, account_id)


def after(event: Event, state: str, next_at: str = instants.NEVER) -> Event:
    """The event after an attempt at its one endpoint."""
    return replace(event, endpoints={"ep_settings": Delivery(state, 1, next_at, 204)})


# Generations and cursors


def test_a_generation_begins_and_the_numbers_go_on(box: Box) -> None:
    box.record(1, 2, 3)
    state = box.outbox.open(box.account, "g2")
    assert (state.generation, state.next_sequence) == ("g2", 4)
    assert box.cursor.last_uid == 3


def test_a_folder_that_has_a_cursor_keeps_it(box: Box) -> None:
    box.record(9)
    box.outbox.add_cursor(box.account, "INBOX")
    box.outbox.add_cursor(box.account, "Archive")
    assert {name: one.last_uid for name, one in box.outbox.cursors(box.account).items()} == {
        "INBOX": 9,
        "Archive": 0,
    }


# Recording


def test_i3_events_and_cursor_are_written_together(box: Box) -> None:
    stored = box.record(4, 7)
    assert [(event.sequence, event.uid) for event in stored] == [(1, 4), (2, 7)]
    assert box.cursor.last_uid == 7
    assert box.outbox.due(box.account, _DUE) == stored


def test_numbers_rise_and_sort_as_keys(box: Box) -> None:
    for start in (1, 9, 99):
        box.record(*range(start, start + 3))
    assert box.row_keys("owed:") == [f"owed:{number:012d}" for number in range(1, 10)]


def others(box: Box) -> dict[str, Callable[[], object]]:
    """What another writer may do between our reading and our writing."""
    return {
        "connected anew": lambda: box.outbox.open(box.account, "g2"),
        "looked through": lambda: Box(box.parts, box.account).record(5),
        "removed": lambda: box.outbox.remove(box.account, "state", "cursor:"),
        "reset": lambda: box.change(ids.cursor_key("INBOX"), uidvalidity=8),
    }


@pytest.mark.parametrize("what", ["connected anew", "looked through", "removed", "reset"])
def test_i3_where_somebody_else_was_faster_nothing_is_written(box: Box, what: str) -> None:
    state, cursor = box.state, box.cursor
    others(box)[what]()
    before = {key: box.row(key) for key in box.row_keys()}
    with pytest.raises(Stale):
        box.outbox.record(state, cursor, replace(cursor, last_uid=9), [box.event(9)])
    assert {key: box.row(key) for key in box.row_keys()} == before


def test_i3_a_cursor_alone_is_not_moved_for_an_older_generation(box: Box) -> None:
    state, cursor = box.state, box.cursor
    box.outbox.open(box.account, "g2")
    with pytest.raises(Stale):
        box.outbox.record(state, cursor, replace(cursor, last_uid=9), [])
    assert box.cursor.last_uid == 0


def test_f8_an_event_that_somebody_recorded_meanwhile_does_not_stop_ours(box: Box) -> None:
    state, cursor = box.state, box.cursor
    box.outbox.record(state, None, None, [box.event(1)])
    moved = replace(cursor, last_uid=2)
    after_it, now, (stored,) = box.outbox.record(state, cursor, moved, [box.event(2)])
    assert (stored.sequence, after_it.next_sequence) == (2, 3)
    assert now
    assert now.last_uid == box.cursor.last_uid == 2
    assert len(box.row_keys("owed:")) == 2


def test_a_status_event_moves_no_cursor(box: Box) -> None:
    _, cursor, stored = box.outbox.record(box.state, None, None, [box.event(0)])
    assert cursor is None
    assert len(stored) == 1
    assert box.cursor.last_uid == 0


def test_what_is_given_is_what_is_stored(box: Box) -> None:
    cursor = box.cursor
    moved = replace(cursor, last_uid=3)
    state, now, stored = box.outbox.record(box.state, cursor, moved, [box.event(3)])
    assert (state, now) == (box.outbox.state(box.account), box.cursor)
    box.outbox.record(state, now, replace(moved, last_uid=4), [box.event(4)])
    assert box.outbox.settle(box.account, [after(stored[0], "done")], _NOW) == []


def test_f8_a_record_whose_answer_gets_lost_is_a_success(lossy_box: Box, lossy: TableProxy) -> None:
    box = lossy_box
    lossy.lose()
    stored = box.record(1, 2)
    assert [event.sequence for event in stored] == [1, 2]
    assert box.row_keys("owed:") == ["owed:000000000001", "owed:000000000002"]
    assert box.cursor.last_uid == 2
    assert box.state == box.outbox.state(box.account)
    assert box.outbox.settle(box.account, [after(one, "done") for one in stored], _NOW) == []


def test_98_events_fit_beside_state_and_cursor(box: Box) -> None:
    assert len(box.record(*range(1, 99))) == 98
    with pytest.raises(AssertionError, match="101 operations"):
        box.record(*range(101, 200))


def test_98_events_with_full_envelopes_fit_into_a_transaction(box: Box) -> None:
    envelope = {"subject": "x" * 16_000}
    events = [box.event(uid, envelope=envelope) for uid in range(1, 99)]
    _, _, stored = box.outbox.record(box.state, None, None, events)
    assert len(stored) == 98


# Settling


def test_what_all_took_is_done_and_keeps_its_number(box: Box) -> None:
    (event,) = box.record(1)
    assert box.outbox.settle(box.account, [after(event, "done")], _NOW) == []
    assert box.row_keys("owed:") == []
    assert box.row_keys("done:") == ["done:20260131:000000000001"]


def test_what_failed_stays_owed_until_its_next_attempt(box: Box) -> None:
    (event,) = box.record(1)
    (kept,) = box.outbox.settle(box.account, [after(event, "owed", _LATER)], _NOW)
    assert box.outbox.due(box.account, _DUE) == []
    assert box.outbox.due(box.account, _LATER) == [kept]
    assert box.outbox.settle(box.account, [after(kept, "done")], _NOW) == []


def test_f37_what_used_its_attempts_up_is_dead_and_can_be_read(box: Box) -> None:
    (event,) = box.record(1)
    assert box.outbox.settle(box.account, [after(event, "dead")], _NOW) == []
    assert (box.row_keys("owed:"), box.row_keys("dead:")) == ([], ["dead:000000000001"])
    row = box.row("dead:000000000001")
    assert (row["has_dead"], row["webhook_id"]) == (True, event.webhook_id)
    assert row["envelope"]


def test_settling_packs_moves_into_transactions_and_tears_none_apart(
    lossy_box: Box, lossy: TableProxy
) -> None:
    stored = lossy_box.record(*range(1, 61))
    lossy.requests.clear()
    lossy_box.outbox.settle(lossy_box.account, [after(one, "done") for one in stored], _NOW)
    assert len(lossy.requests) == 2
    assert (lossy_box.row_keys("owed:"), len(lossy_box.row_keys("done:"))) == ([], 60)


def test_settling_mixes_moves_and_updates(box: Box) -> None:
    states = ["done", "owed", "dead"] * 30
    settled = [
        after(event, state, _LATER if state == "owed" else instants.NEVER)
        for event, state in zip(box.record(*range(1, 91)), states, strict=True)
    ]
    kept = box.outbox.settle(box.account, settled, _NOW)
    assert [event.uid for event in kept] == list(range(2, 91, 3))
    assert [len(box.row_keys(prefix)) for prefix in ("owed:", "dead:", "done:")] == [30, 30, 30]
    assert kept == box.outbox.due(box.account, _LATER)


def test_a_row_that_somebody_else_settled_is_left_alone(box: Box) -> None:
    first, second, third = box.record(1, 2, 3)
    box.outbox.settle(box.account, [after(second, "dead")], _NOW)
    settled = [after(first, "done"), after(second, "done"), after(third, "owed", _LATER)]
    kept = box.outbox.settle(box.account, settled, _NOW)
    assert [event.uid for event in kept] == [3]
    assert box.row_keys("dead:") == ["dead:000000000002"]
    assert box.row_keys("done:") == ["done:20260131:000000000001"]


def test_t39_a_row_that_was_removed_does_not_come_back(box: Box) -> None:
    stored = box.record(1, 2)
    box.outbox.remove(box.account, "owed:", "state", "cursor:")
    settled = [after(stored[0], "done"), after(stored[1], "owed", _LATER)]
    assert box.outbox.settle(box.account, settled, _NOW) == []
    assert box.row_keys() == []


def test_f8_settling_whose_answer_gets_lost_is_done_once(lossy_box: Box, lossy: TableProxy) -> None:
    first, second = lossy_box.record(1, 2)
    lossy.lose()
    settled = [after(first, "done"), after(second, "owed", _LATER)]
    (kept,) = lossy_box.outbox.settle(lossy_box.account, settled, _NOW)
    assert (lossy_box.row_keys("owed:"), len(lossy_box.row_keys("done:"))) == (
        ["owed:000000000002"],
        1,
    )
    assert lossy_box.outbox.settle(lossy_box.account, [after(kept, "done")], _NOW) == []


def test_nothing_to_settle_asks_nobody(lossy_box: Box, lossy: TableProxy) -> None:
    lossy.requests.clear()
    assert lossy_box.outbox.settle(lossy_box.account, [], _NOW) == []
    assert lossy.requests == []


# Reading


def test_what_is_due_comes_oldest_first_and_at_most_500_at_once(box: Box) -> None:
    for start in range(0, 504, 84):
        box.record(*range(start + 1, start + 85))
    due = box.outbox.due(box.account, _DUE)
    assert [event.uid for event in due] == list(range(1, 501))


def test_a_standing_counts_what_is_owed_and_dead(box: Box) -> None:
    stored = box.record(1, 2, 3, 4)
    states = [("done", instants.NEVER), ("dead", instants.NEVER), ("owed", _LATER)]
    settled = [after(one, *how) for one, how in zip(stored, states, strict=False)]
    box.outbox.settle(box.account, settled, _NOW)
    standing = box.outbox.standing(box.account)
    assert (standing.owed, standing.dead, standing.next_at) == (2, 1, _DUE)
    assert standing.owed_since == instants.text(_NOW)


def test_an_empty_outbox_has_no_next_attempt(box: Box) -> None:
    standing = box.outbox.standing(box.account)
    assert (standing.owed, standing.dead, standing.next_at) == (0, 0, instants.NEVER)
    assert standing.owed_since == ""


def test_f19_mail_is_known_while_it_is_owed_dead_or_done(box: Box) -> None:
    stored: Sequence[Event] = box.record(1, 2, 3)
    box.outbox.settle(box.account, [after(stored[0], "done"), after(stored[1], "dead")], _NOW)
    is_known = box.outbox.known_mail(box.account)
    assert [is_known(event.envelope) for event in stored] == [True, True, True]
    assert not is_known({"message_id": "<4@sender.example>", "date": "d"})
    assert not is_known({"message_id": "<1@sender.example>", "date": "another"})


def test_t12_mail_is_known_after_the_key_was_rotated(box: Box) -> None:
    (event,) = box.record(1)
    keys = (("k2", b"2" * 32), *box.parts.settings.encryption_keys)
    rotated = Outbox(box.parts.tables, Vault(keys))
    assert rotated.known_mail(box.account)(event.envelope)
    assert rotated.due(box.account, _DUE)[0].envelope == event.envelope


def test_an_event_is_held_by_its_id_and_its_type(box: Box) -> None:
    (event,) = box.record(1)
    box.outbox.settle(box.account, [after(event, "done")], _NOW)
    assert box.outbox.holds(box.account, "webhook_id", event.webhook_id)
    assert box.outbox.holds(box.account, "type", "mail.received")
    assert not box.outbox.holds(box.account, "type", "account.blocked")


# Purging


def test_what_is_done_is_kept_seven_days(box: Box) -> None:
    for uid, days in ((1, 9), (2, 8), (3, 7), (4, 0)):
        (event,) = box.record(uid)
        box.outbox.settle(box.account, [after(event, "done")], _NOW - timedelta(days=days))
    (dead,) = box.record(5)
    box.outbox.settle(box.account, [after(dead, "dead")], _NOW - timedelta(days=9))
    box.outbox.purge_done(box.account, _NOW)
    assert [key.partition(":")[0] for key in box.row_keys() if key[0] == "d"] == [
        "dead",
        "done",
        "done",
    ]
    assert box.row_keys("done:")[0].startswith("done:20260124:")


def test_t39_removing_goes_by_prefix_until_nothing_is_left(box: Box) -> None:
    box.record(*range(1, 90))
    assert box.outbox.remove(box.account, "owed:", "dead:", "done:")
    assert len(box.row_keys()) == 2
    assert box.outbox.remove(box.account, "state", "cursor:")
    assert box.row_keys() == []
    assert not box.outbox.remove(box.account, "state", "cursor:", "owed:", "dead:", "done:")
