"""What becomes of an account that is paused, resumed, relabelled, or given other folders."""

import json
from datetime import timedelta

import pytest

from shared import instants
from shared.account_rows import Account
from shared.errors import Rejected
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.imap_proxy import ImapProxy, after
from tests.lab.lab import Lab
from tests.lab.stepped_app import SteppedApp


@pytest.fixture
def account(app: SteppedApp, address: str) -> Account:
    return app.settled(address)


def change(app: SteppedApp, account: Account, **body: object) -> dict[str, object]:
    return app.parts.directory.change(account.id, body)


# Paused


def test_a_paused_account_says_so_and_what_happens_next(app: SteppedApp, account: Account) -> None:
    told = change(app, account, status="paused")
    assert (told["status"], told["code"], told["next_check_at"]) == ("paused", "", instants.NEVER)
    assert str(told["since"]) >= account.since
    assert told["next"]["action"] == "resume"  # type: ignore[index]
    assert app.parts.directory.show(account.id) == told


def test_while_it_is_paused_no_mail_is_looked_for_and_after_that_all_of_it_comes(
    app: SteppedApp, address: str, account: Account
) -> None:
    change(app, account, status="paused")
    app.put(address, "Meanwhile")
    app.tick()
    app.tick_in(7200)
    assert app.subjects(address) == []
    told = change(app, account, status="active")
    assert (told["status"], told["failures"]) == ("active", 0)
    app.tick_in(7201)
    assert app.subjects(address) == ["Meanwhile"]


def test_what_is_owed_is_delivered_while_it_is_paused(
    app: SteppedApp, address: str, account: Account
) -> None:
    app.services.receiver.answer({"status": 500})
    app.put(address, "Owed")
    app.tick()
    app.services.receiver.answer()
    change(app, account, status="paused")
    app.make_attempts_due(account.id)
    app.tick()
    came = app.webhooks(address)
    assert len({one["headers"]["webhook-id"] for one in came}) == 1 and len(came) == 2
    assert app.account(account.id).owed == 0


def test_a_pause_in_the_middle_of_a_check_stays(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    app.put(address, "Hello")
    proxy.on("EXAMINE", after(lambda: change(app, account, status="paused")), times=1)
    app.tick()
    now = app.account(account.id)
    assert (now.status, now.next_check_at, now.claim) == ("paused", instants.NEVER, "")
    assert now.next_refresh_at > instants.after(instants.now(), 6 * 86_400)
    app.put(address, "Later")
    app.tick_in(600)
    assert app.subjects(address) == ["Hello"]


def test_the_token_of_a_paused_account_is_kept_alive_every_seven_days(
    start_app: StartApp, address: str
) -> None:
    clock = Clock()
    app = start_app(clock=clock)
    account = app.settled(address)
    change(app, account, status="paused")
    asked = len(app.services.microsoft.records(address))
    for days in (6, 1.1, 5, 2.1):
        clock.forward(days=days)
        app.restart()
        app.tick()
    assert len(app.services.microsoft.records(address)) == asked + 2
    assert app.account(account.id).next_refresh_at == instants.after(
        clock(), timedelta(days=7).total_seconds()
    )


def test_a_paused_account_whose_sign_in_ended_says_so(start_app: StartApp, address: str) -> None:
    clock = Clock()
    app = start_app(clock=clock)
    account = app.settled(address)
    change(app, account, status="paused")
    app.services.microsoft.revoke(address)
    clock.forward(days=8)
    app.tick()
    shown = app.parts.directory.show(account.id)
    assert (shown["status"], shown["code"]) == ("reconnect_required", "sign_in_again")
    assert (shown["next"]["action"], shown["next"]["link"]) == ("reconnect", shown["reconnect_url"])
    assert "/api/login?invitation=" in shown["reconnect_url"]
    assert len(app.webhooks(address, "account.reconnect_required")) == 1


@pytest.mark.parametrize("status", ["paused", "active"])
def test_saying_what_is_so_changes_nothing(app: SteppedApp, account: Account, status: str) -> None:
    if status == "paused":
        change(app, account, status=status)
    before = app.account(account.id)
    change(app, account, status=status)
    assert app.rows("accounts", RowKey=account.id)[0]["since"] == before.since
    assert app.account(account.id).status_version == before.status_version


@pytest.mark.parametrize(
    ("stands", "wanted"),
    [
        ("reconnect_required", "paused"),
        ("reconnect_required", "active"),
        ("blocked", "active"),
    ],
)
def test_what_waits_for_its_owner_is_neither_paused_nor_resumed(
    app: SteppedApp, account: Account, stands: str, wanted: str
) -> None:
    app.edit("accounts", account.shard, account.id, status=stands, code="imap_denied")
    before = app.account(account.id)
    with pytest.raises(Rejected, match="account_state_refused") as refused:
        change(app, account, status=wanted, labels=["new"])
    assert refused.value.status == 409
    assert app.account(account.id) == before


def test_a_paused_account_is_not_checked_by_hand(app: SteppedApp, account: Account) -> None:
    change(app, account, status="paused")
    with pytest.raises(Rejected, match="account_inactive"):
        app.parts.enqueue.now(account.id)


# Labels and folders


def test_new_labels_are_in_what_is_sent_from_now_on(
    app: SteppedApp, address: str, account: Account
) -> None:
    change(app, account, labels=["support", "vip", "support"])
    app.put(address, "Hello")
    app.tick()
    (told,) = app.webhooks(address)
    assert told["body"]["data"]["account"]["labels"] == ["support", "vip"]


def test_a_folder_that_is_added_starts_with_a_first_check(
    app: SteppedApp, address: str, account: Account
) -> None:
    app.put(address, "In the archive", folder="Archive")
    told = change(app, account, folders=["inbox", "Archive"])
    assert told["folders"] == ["INBOX", "Archive"]
    app.tick()
    assert app.subjects(address) == ["In the archive"]
    (ready,) = app.webhooks(address, "mailbox.ready")
    assert ready["body"]["data"]["folder"] == "Archive"
    assert ready["body"]["data"]["sent"] == 1


def test_a_folder_that_stays_keeps_how_far_it_was_read(
    app: SteppedApp, address: str, account: Account
) -> None:
    change(app, account, folders=["Archive", "INBOX"])
    kept = {folder.name: folder for folder in app.account(account.id).folders}
    assert kept["INBOX"] == account.folders[0]
    assert kept["Archive"].scanned_below == 0


def cursors(app: SteppedApp, account: Account) -> list[str]:
    rows = app.rows("mailboxes", PartitionKey=account.id)
    return sorted(row["folder"] for row in rows if row["RowKey"].startswith("cursor:"))


def test_a_folder_that_is_removed_loses_its_cursor_and_begins_anew_when_it_comes_back(
    app: SteppedApp, address: str, account: Account
) -> None:
    app.put(address, "In the archive", folder="Archive")
    change(app, account, folders=["INBOX", "Archive"])
    app.tick()
    change(app, account, folders=["INBOX"])
    assert cursors(app, account) == ["INBOX"]
    app.put(address, "Not watched", folder="Archive")
    app.tick_in(60)
    assert app.subjects(address) == ["In the archive"]
    change(app, account, folders=["Archive"])
    app.tick_in(120)
    came = app.webhooks(address)
    subjects = [one["body"]["data"]["subject"] for one in came]
    assert subjects == ["In the archive", "In the archive", "Not watched"]
    assert len({one["headers"]["webhook-id"] for one in came}) == 2
    assert cursors(app, account) == ["Archive"]


def test_a_folder_that_is_removed_in_the_middle_of_its_check_is_left(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    change(app, account, folders=["INBOX", "Archive"])
    app.put(address, "In the archive", folder="Archive")

    def remove() -> None:
        change(app, account, folders=["INBOX"])

    proxy.on(r"UID FETCH \S+ \(BODY", after(remove), times=1)
    app.tick()
    app.tick_in(600)
    assert app.subjects(address) == []
    assert cursors(app, account) == ["INBOX"]
    assert [folder.name for folder in app.account(account.id).folders] == ["INBOX"]


def test_a_folder_with_another_alphabet_is_watched(
    app: SteppedApp, address: str, account: Account
) -> None:
    app.put(address, "Entwurf", folder="Entw&APw-rfe")  # as a Maildir and the wire have it
    change(app, account, folders=["Entwürfe"])
    app.tick()
    assert app.subjects(address) == ["Entwurf"]


def test_its_own_endpoint_may_be_named_alone(app: SteppedApp, account: Account) -> None:
    told = change(app, account, endpoint_id="ep_settings", common_endpoints=False)
    assert (told["endpoints"], told["common_endpoints"]) == (["ep_settings"], False)


def test_over_http_an_account_is_paused_and_resumed(lab: Lab, address: str) -> None:
    lab.connect(address)
    path = f"accounts/{lab.account(address)['id']}"
    paused = lab.host.api("PATCH", path, json={"status": "paused"})
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    refused = lab.host.api("PATCH", path, json={"folders": []})
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.json()["code"], refused.json()["detail"]) == ("field_invalid", "folders")
    resumed = lab.host.api("PATCH", path, json={"status": "active"}).json()
    assert resumed["status"] == "active"
    assert "claim" not in json.dumps(resumed)
