"""From a sign-in to an account that is checked: what is stored, in what order, and what is told."""

import json
import unicodedata

import pytest

from shared import instants
from tests.conftest import StartApp
from tests.guest import Guest, account_of, invited
from tests.lab.imap_proxy import ImapProxy, after, cut
from tests.lab.not_microsoft.people import CONTOSO, PERSONAL_TENANT
from tests.lab.not_microsoft.tokens import fingerprint
from tests.lab.stepped_app import SteppedApp

TABLES = ("accounts", "mailboxes", "tokens")


def told(app: SteppedApp, address: str) -> list[str]:
    """The types of that address' events so far; in which order they come is not promised."""
    return sorted(one["body"]["type"] for one in app.services.receiver.received(address))


# A first sign-in


@pytest.mark.parametrize(("kind", "tid"), [("personal", PERSONAL_TENANT), ("work", CONTOSO)])
def test_a_sign_in_makes_an_account_of_its_kind(
    app: SteppedApp, address: str, kind: str, tid: str
) -> None:
    account = app.account(app.connect(address, kind).account.id)
    assert (account.address, account.kind, account.tid) == (address, kind, tid)
    assert (account.status, account.code, account.failures) == ("active", "", 0)
    assert [folder.name for folder in account.folders] == ["INBOX"]


def test_the_token_is_stored_sealed_and_opens_again(app: SteppedApp, address: str) -> None:
    account = app.connect(address).account
    row = app.rows("tokens")[0]
    assert row["generation"] == account.generation and row["rt_version"] == 1
    assert address not in str(row)
    stored = app.parts.tokens.get(account.shard, account.id)
    assert stored
    refresh = next(iter(json.loads(stored.cache)["RefreshToken"].values()))["secret"]
    assert fingerprint(refresh) == app.services.microsoft.current_refresh_fingerprint(address)


def test_the_outbox_opens_with_a_fence_and_a_cursor_at_the_start(
    app: SteppedApp, address: str
) -> None:
    account = app.connect(address).account
    state = app.rows("mailboxes", PartitionKey=account.id, RowKey="state")[0]
    assert state["generation"] == account.generation
    cursor = app.rows("mailboxes", folder="INBOX")[0]
    assert (cursor["last_uid"], cursor["started"], cursor["ready"]) == (0, False, False)


def test_the_first_check_follows_at_once(app: SteppedApp, address: str) -> None:
    app.put(address, "Already there")
    app.connected(address)
    assert told(app, address) == ["account.connected", "mail.received", "mailbox.ready"]


def test_f44_a_first_check_whose_message_is_lost_comes_due(app: SteppedApp, address: str) -> None:
    app.connect(address)
    assert app.tick() == 0  # its claim still holds
    assert app.tick_in(4) == 1
    assert "mailbox.ready" in told(app, address)


def test_f42_upper_case_and_lower_case_are_one_account(app: SteppedApp, address: str) -> None:
    one = app.connect(address).account
    app.services.microsoft.add_account(address.upper())
    assert app.connect(address.upper()).account.id == one.id
    assert len(app.rows("accounts")) == 1


def test_f42_an_address_with_umlauts_is_one_account_whose_mail_arrives(
    app: SteppedApp, address: str
) -> None:
    composed = f"j\u00fcrgen.{address}"
    app.put(composed, "Gr\u00fc\u00dfe")
    first = app.connected(composed)
    assert (first.status, first.address) == ("active", composed)
    assert app.subjects(composed) == ["Gr\u00fc\u00dfe"]
    assert app.connected(f"j\u00fcrgen.{address.upper()}").id == first.id
    assert told(app, composed).count("mail.received") == 1


def test_f42_a_shared_mailbox_with_umlauts_is_one_account_however_it_is_written(
    closed_app: SteppedApp, address: str
) -> None:
    app, composed = closed_app, f"j\u00fcrgen.{address}"
    app.services.microsoft.add_account(address, "work", mailboxes=[composed])
    for written in (
        composed,
        f"j\u00fcrgen.{address.upper()}",
        unicodedata.normalize("NFD", composed),
    ):
        link = invited(app, reference="a", shared_mailbox=written)
        assert Guest(app).connect(link, address, "work").status == 303
    assert account_of(app, "a").status == "active"


def test_t3_another_person_under_the_same_address_is_another_account(
    app: SteppedApp, address: str
) -> None:
    one = app.connected(address)
    app.services.microsoft.add_account(address, oid="77777777-7777-4777-8777-777777777777")
    other = app.connected(address)
    assert other.id != one.id
    assert app.account(one.id) == one


# Another sign-in to the same account


def test_a_second_sign_in_begins_a_generation_and_tells_nothing(
    app: SteppedApp, address: str
) -> None:
    first = app.connected(address)
    second = app.connected(address)
    assert (second.id, second.connected_at) == (first.id, first.connected_at)
    assert second.generation != first.generation
    assert {row["generation"] for row in app.rows("tokens")} == {second.generation}
    assert told(app, address) == ["account.connected", "mailbox.ready"]


def test_a_second_sign_in_keeps_the_cursor(app: SteppedApp, address: str) -> None:
    app.put(address, "Once")
    app.connected(address)
    app.connected(address)
    assert told(app, address).count("mail.received") == 1


def test_a_second_sign_in_never_lowers_the_tokens_version(app: SteppedApp, address: str) -> None:
    for version in (1, 2, 3):
        app.connect(address)
        assert app.rows("tokens")[0]["rt_version"] == version


def test_what_is_patched_during_a_sign_in_stays(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.connected(address)
    change = {"labels": ["patched"], "folders": ["INBOX", "Archive"]}
    proxy.on("AUTHENTICATE", after(lambda: app.parts.directory.change(account.id, change)), 1)
    app.connect(address)
    found = app.account(account.id)
    assert found.generation != account.generation
    assert found.labels == ("patched",)
    assert [folder.name for folder in found.folders] == ["INBOX", "Archive"]


def test_an_account_that_is_paused_during_a_sign_in_stays_paused(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.connected(address)
    pause = {"status": "paused"}
    proxy.on("AUTHENTICATE", after(lambda: app.parts.directory.change(account.id, pause)), 1)
    enrolled = app.connect(address)
    assert enrolled.claim
    app.parts.tend.tend(enrolled.claim)
    paused = app.account(account.id)
    assert (paused.status, paused.next_check_at) == ("paused", instants.NEVER)
    app.connected(address)  # who signs in later than that is connected again
    assert app.account(account.id).status == "active"


def test_a_run_of_the_generation_before_writes_nothing_any_more(
    app: SteppedApp, address: str
) -> None:
    app.connected(address)
    app.put(address, "For the new generation")
    enqueued = app.parts.enqueue.enqueue(instants.now())
    app.connect(address)
    before = {table: app.rows(table) for table in TABLES}
    assert [app.parts.tend.receive(message.encode()) for message in enqueued] == [0]
    assert {table: app.rows(table) for table in TABLES} == before


# What the mailbox says


def test_a_mailbox_that_refuses_blocks_the_account_and_is_seldom_asked(
    app: SteppedApp, address: str
) -> None:
    app.services.microsoft.add_account(address, owns_mailbox=False)
    enrolled = app.connect(address)
    assert (enrolled.result, enrolled.code) == ("blocked", "imap_denied")
    account = app.account(enrolled.account.id)
    assert (account.status, account.code) == ("blocked", "imap_denied")
    assert account.next_check_at > instants.after(instants.now(), 3500)


def test_somebody_without_an_address_is_asked_for_one(app: SteppedApp, address: str) -> None:
    app.services.microsoft.add_account(address)
    app.services.microsoft.next_id_token(preferred_username="+41790000000", email=None)
    enrolled = app.connect(address)
    assert (enrolled.result, enrolled.account.address) == ("blocked", "")


def test_the_email_claim_stands_in_for_a_phone_number(app: SteppedApp, address: str) -> None:
    app.services.microsoft.add_account(address)
    app.services.microsoft.next_id_token(preferred_username="+41790000000")
    assert app.connect(address).account.address == address


def test_f11_a_mail_server_that_is_away_leaves_the_account_active(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    proxy.on("CONNECT", cut())
    enrolled = app.connect(address)
    assert (enrolled.result, enrolled.account.status) == ("checking", "active")
    proxy.behave()
    app.tick_in(4)
    assert told(app, address) == ["account.connected", "mailbox.ready"]


def test_signing_in_again_restores_a_blocked_account(app: SteppedApp, address: str) -> None:
    app.services.microsoft.add_account(address, owns_mailbox=False)
    blocked = app.connected(address)
    app.services.microsoft.add_account(address, owns_mailbox=True)
    restored = app.connected(address)
    assert (restored.id, restored.status) == (blocked.id, "active")
    assert told(app, address) == ["account.connected", "account.restored", "mailbox.ready"]


# Kills between two writes


def test_f47_a_sign_in_that_was_killed_is_completed_by_the_next(
    app: SteppedApp, address: str
) -> None:
    enrolled = app.connect(address)
    # As if the first had been killed before the account's row: the event is owed, nothing more.
    app.parts.accounts.drop(app.account(enrolled.account.id))
    app.connected(address)
    assert told(app, address) == ["account.connected", "mailbox.ready"]
    assert len(app.rows("accounts")) == 1
