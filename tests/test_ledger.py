"""One turn's hold on an account's outbox: under its generation, or not at all."""

from dataclasses import replace

import pytest

from shared import events, instants
from shared.account_rows import Account
from shared.connector import Connector
from shared.errors import Stale
from shared.ledger import Ledger
from shared.outbox_rows import Delivery, Event

_NOW = "2026-01-31T12:00:00Z"


@pytest.fixture
def account(parts: Connector, account_id: str) -> Account:
    """An account whose outbox was opened by its sign-in."""
    parts.outbox.open(account_id, "g1")
    return Account(account_id, "00", generation="g1", address="ada@outlook.example")


def ledger(parts: Connector, account: Account) -> Ledger:
    return Ledger(parts.outbox, parts.endpoints, account)


def blocked(account: Account, version: int = 5) -> Event:
    return events.status_event(account, events.ACCOUNT_BLOCKED, version, _NOW, code="imap_denied")


def test_a_folder_without_a_cursor_gets_one_at_its_start(
    parts: Connector, account: Account
) -> None:
    cursor = ledger(parts, account).cursor("INBOX")
    assert (cursor.folder, cursor.last_uid, cursor.started) == ("INBOX", 0, False)
    assert parts.outbox.cursors(account.id)["INBOX"] == cursor


def test_f54_a_removed_account_gets_no_cursor(parts: Connector, account: Account) -> None:
    parts.outbox.remove(account.id, "state")
    with pytest.raises(Stale):
        ledger(parts, account).cursor("INBOX")
    assert parts.outbox.cursors(account.id) == {}


@pytest.mark.parametrize("generation", ["g0", "g2", ""])
def test_f54_nothing_is_recorded_under_another_generation(
    parts: Connector, account: Account, generation: str
) -> None:
    other = replace(account, generation=generation)
    with pytest.raises(Stale):
        ledger(parts, other).record([blocked(other)])
    assert parts.outbox.standing(account.id).owed == 0


def test_an_event_goes_to_every_endpoint_unless_it_says_who_shall_have_it(
    parts: Connector, account: Account
) -> None:
    chosen = replace(blocked(account, 6), endpoints={"ep_one": Delivery(next=_NOW)})
    _, stored = ledger(parts, account).record([blocked(account), chosen])
    assert [list(event.endpoints) for event in stored] == [["ep_settings"], ["ep_one"]]
    assert stored[0].next_at == _NOW


def test_one_ledger_records_again_and_again(parts: Connector, account: Account) -> None:
    turn = ledger(parts, account)
    cursor = turn.cursor("INBOX")
    for uid in (3, 5, 9):
        moved, stored = turn.record([blocked(account, uid)], cursor, replace(cursor, last_uid=uid))
        assert moved
        cursor = moved
    assert stored[0].sequence == 3
    assert parts.outbox.cursors(account.id)["INBOX"].last_uid == 9


@pytest.mark.parametrize("state", ["owed", "done", "dead"])
def test_the_same_event_is_not_owed_twice(parts: Connector, account: Account, state: str) -> None:
    (event,) = ledger(parts, account).record_once(blocked(account))
    if state != "owed":
        told = {"ep_settings": Delivery(state, 1, instants.NEVER, 204)}
        parts.outbox.settle(account.id, [replace(event, endpoints=told)], instants.now())
    assert ledger(parts, account).record_once(blocked(account)) == []
    assert len(ledger(parts, account).record_once(blocked(account, 6))) == 1
