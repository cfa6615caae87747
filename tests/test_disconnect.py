"""Removing an account: nothing of it stays, and nothing of it comes back."""

import json
import time
from typing import Any

import pytest

from shared import instants
from shared.account_rows import Account
from shared.errors import Rejected
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.imap_proxy import ImapProxy, after
from tests.lab.lab import Lab
from tests.lab.receiver.client import Webhook
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.table_dump import dump


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


def farewells(app: SteppedApp, account: Account) -> list[Webhook]:
    """The `account.disconnected` webhooks of that account."""
    found = app.services.receiver.received(kind="account.disconnected")
    return [one for one in found if one["body"]["data"]["account"]["id"] == account.id]


def rows_of(app: SteppedApp, account_id: str) -> list[dict[str, object]]:
    """Every row under the account's id."""
    tables = dump(app.storage)
    return [r for t in tables.values() for r in t if account_id in (r["PartitionKey"], r["RowKey"])]


@pytest.mark.parametrize(
    ("kind", "revoke_at"),
    [
        ("personal", "https://account.live.com/consent/Manage"),
        ("work", "https://myapps.microsoft.com"),
    ],
)
def test_the_answer_says_where_the_owner_withdraws_the_permission(
    app: SteppedApp, address: str, kind: str, revoke_at: str
) -> None:
    account = app.settled(address, kind)
    answer = app.parts.disconnect.disconnect(account.id)
    assert answer == {"id": account.id, "removed": True, "revoke_at": revoke_at}


def test_t39_no_row_and_no_address_stays(app: SteppedApp, address: str) -> None:
    for number in range(3):
        app.put(address, f"Canary {number}")
    account = app.settled(address)
    app.services.receiver.answer({"status": 500})
    app.put(address, "Canary owed")
    app.tick()
    app.services.receiver.answer()
    app.parts.disconnect.disconnect(account.id)
    app.tick()
    left = json.dumps(dump(app.storage))
    assert rows_of(app, account.id) == []
    assert address not in left and "Canary" not in left


def test_t39_the_webhook_names_id_and_reference_and_no_address(
    app: SteppedApp, address: str
) -> None:
    account = app.settled(address)
    app.parts.disconnect.disconnect(account.id)
    app.tick()
    (told,) = farewells(app, account)
    assert told["body"]["data"] == {"account": {"id": account.id, "reference": ""}}
    assert told["headers"]["webhook-id"].startswith("msg_system_") and told["verified"]
    assert address not in told["raw"]


def test_the_systems_own_account_is_never_listed(app: SteppedApp, address: str) -> None:
    app.parts.disconnect.disconnect(app.settled(address).id)
    assert app.rows("accounts", RowKey="system")
    assert app.parts.directory.page()["accounts"] == []
    for attempt in (app.parts.directory.show, app.parts.disconnect.disconnect):
        with pytest.raises(Rejected) as refused:
            attempt("system")
        assert refused.value.status == 404


def test_an_account_is_removed_once(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.parts.disconnect.disconnect(account.id)
    with pytest.raises(Rejected) as refused:
        app.parts.disconnect.disconnect(account.id)
    assert refused.value.status == 404
    app.tick()
    assert len(farewells(app, account)) == 1


def half_removed(app: SteppedApp, address: str) -> Account:
    """An account whose removal had no time for all that is done; gives it as it was."""
    account = app.settled(address)
    app.put(address)
    app.tick()
    assert app.parts.disconnect.disconnect(account.id, seconds=-1)["removed"] is False
    return account


def test_what_a_removal_had_no_time_for_is_removed_by_the_next_turn(
    app: SteppedApp, address: str
) -> None:
    account = half_removed(app, address)
    (tombstone,) = app.rows("accounts", RowKey=account.id)
    assert (tombstone["address"], tombstone["claim"], tombstone["oid"]) == ("", "", "")
    app.tick()
    assert rows_of(app, account.id) == []
    assert len(farewells(app, account)) == 1


def test_f47_a_farewell_that_is_owed_and_forgotten_is_told_by_the_next_turn(
    app: SteppedApp, address: str
) -> None:
    account = half_removed(app, address)
    # As if it had been killed between the event and the system's row.
    never = {"next_attempt_at": instants.NEVER, "next_due_at": instants.NEVER}
    app.edit("accounts", "00", "system", **never)
    app.tick()
    app.tick()
    assert len(farewells(app, account)) == 1


def test_a_farewell_that_was_not_taken_is_tried_again(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.services.receiver.answer({"status": 500})
    app.parts.disconnect.disconnect(account.id)
    app.tick()
    app.services.receiver.answer()
    app.make_attempts_due("system")
    app.tick()
    told = farewells(app, account)
    assert len(told) == 2 and len({one["headers"]["webhook-id"] for one in told}) == 1


# Who is told


def at_desk(desk: Desk, account_id: str, **fields: Any) -> None:
    """An account with these fields, connected, and removed again."""
    account = desk.account(account_id, **fields)
    desk.parts.disconnect.disconnect(account.id)
    desk.tick()


def farewells_at(desk: Desk, name: str) -> int:
    return sum(one["body"]["type"] == "account.disconnected" for one in desk.came(name))


def test_the_farewell_goes_where_reference_and_labels_send_the_accounts_events(
    desk: Desk, account_id: str
) -> None:
    desk.endpoint("by-reference", filter={"reference": ["customer-7"]})
    desk.endpoint("by-label", filter={"labels": ["support"]})
    desk.endpoint("another", filter={"reference": ["customer-8"]})
    at_desk(desk, account_id, reference="customer-7", labels=("support",))
    told = {name: farewells_at(desk, name) for name in ("by-reference", "by-label", "another")}
    assert told == {"by-reference": 1, "by-label": 1, "another": 0}
    assert farewells_at(desk, "settings") == 1


@pytest.mark.parametrize("common", [True, False])
def test_an_accounts_own_endpoint_gets_the_farewell_beside_the_common_ones_or_instead(
    desk: Desk, account_id: str, common: bool
) -> None:
    own = desk.endpoint("own", all_accounts=False)
    at_desk(desk, account_id, endpoints=(own,), common_endpoints=common)
    assert farewells_at(desk, "own") == 1
    assert farewells_at(desk, "settings") == int(common)


def test_a_farewell_that_nobody_takes_is_not_stored(desk: Desk, account_id: str) -> None:
    other = desk.endpoint("other", "mail.received", all_accounts=False)
    at_desk(desk, account_id, endpoints=(other,), common_endpoints=False)
    assert farewells_at(desk, "other") == 0
    assert desk.app.rows("mailboxes", PartitionKey="system") == []


# In the middle of a run


@pytest.mark.parametrize("command", ["AUTHENTICATE", "EXAMINE", r"UID FETCH \S+ \(BODY"])
def test_f54_a_run_that_meets_a_removal_writes_and_tells_nothing(
    proxied: StartApp, proxy: ImapProxy, address: str, command: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address)
    proxy.on(command, after(lambda: app.parts.disconnect.disconnect(account.id)), times=1)
    app.tick()
    app.tick_in(600)
    assert app.subjects(address) == []
    assert rows_of(app, account.id) == []
    assert len(farewells(app, account)) == 1


def test_t39_deleted_during_a_fetch_no_webhook_follows_and_no_table_has_the_address(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    for number in range(3):
        app.put(address, f"Canary {number}")
    removed = after(lambda: app.parts.disconnect.disconnect(account.id))
    proxy.on(r"UID FETCH \S+ \(BODY", removed, times=1)
    app.tick()
    for seconds in (60, 600, 4000):
        app.tick_in(seconds)
    told = [one for one in app.services.receiver.received() if address in one["raw"]]
    assert told == []
    left = json.dumps(dump(app.storage))
    assert address not in left and account.id not in json.dumps(app.rows("accounts"))


def test_f54_a_removal_while_webhooks_are_sent_leaves_nothing(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.services.receiver.answer({"status": 500})
    app.put(address)
    app.tick()
    app.services.receiver.answer()
    app.make_attempts_due(account.id)
    remove = after(lambda: app.parts.disconnect.disconnect(account.id))
    proxy.on(r"UID FETCH \S+ \(BODY", remove, times=1)
    app.tick()
    app.tick()
    assert rows_of(app, account.id) == []


# And connected again


def test_who_comes_back_has_the_same_id_and_another_generation(
    app: SteppedApp, address: str
) -> None:
    before = app.connected(address)
    app.parts.disconnect.disconnect(before.id)
    app.put(address, "After the return")
    now = app.connected(address)
    assert now.id == before.id and now.generation != before.generation
    assert app.subjects(address) == ["After the return"]
    told = app.webhooks(address, "account.connected")
    assert len({one["headers"]["webhook-id"] for one in told}) == 2


def test_the_fence_of_the_new_generation_holds_off_the_old_ones_run(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address)

    def leave_and_return() -> None:
        app.parts.disconnect.disconnect(account.id)
        app.connect(address)

    proxy.on(r"UID FETCH \S+ \(BODY", after(leave_and_return), times=1)
    app.tick()
    assert app.subjects(address) == []
    app.tick_in(4)
    assert app.subjects(address) == ["Hello"]


def test_who_comes_back_before_the_removal_ended_finishes_it(app: SteppedApp, address: str) -> None:
    account = half_removed(app, address)
    again = app.connected(address)
    assert (again.id, again.deleted_at, again.status) == (account.id, "", "active")
    app.tick()
    assert len(farewells(app, account)) == 1
    assert app.account(account.id).status == "active"


def test_a_removal_that_comes_late_leaves_the_new_sign_in_alone(
    app: SteppedApp, address: str
) -> None:
    account = half_removed(app, address)
    tombstone = app.account(account.id)
    app.connected(address)
    before = rows_of(app, account.id)
    assert app.parts.disconnect.purge(tombstone, time.monotonic() + 5)
    app.parts.accounts.drop(tombstone)
    assert rows_of(app, account.id) == before


def test_over_http_a_removed_mailbox_is_gone(lab: Lab, address: str) -> None:
    lab.connect(address)
    account_id = lab.account(address)["id"]
    answer = lab.host.api("DELETE", f"accounts/{account_id}")
    assert answer.status_code == 200
    assert answer.json()["revoke_at"] == "https://account.live.com/consent/Manage"
    assert lab.host.api("GET", f"accounts/{account_id}").status_code == 404
    assert address not in json.dumps(dump(lab.host.storage))
