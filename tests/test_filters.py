"""Filters: each part alone, several together, and what an account alone can say."""

from typing import Any

import pytest

from shared.filters import Subject, takes, takes_mail
from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy, says
from tests.lab.mails import made_up
from tests.lab.stepped_app import SteppedApp

_SUBJECT = Subject("mail.received", "shop-7", ("vip", "eu"), "INBOX")
_MAIL: dict[str, Any] = {
    "from": [{"name": "Ada", "address": "Ada@Sender.example"}],
    "to": [{"name": "", "address": "sales@shop.example"}],
    "cc": [{"name": "", "address": "boss@shop.example"}],
    "subject": "Re: INVOICE 4711",
    "attachments": [{"inline": False}],
}
_HEADERS = {"x-kind": ["first", " Second "]}


def takes_it(wanted: dict[str, Any], **changed: Any) -> bool:
    return takes_mail(wanted, _MAIL | changed, lambda name: _HEADERS.get(name.lower(), []))


# What the account says


@pytest.mark.parametrize(
    ("types", "taken"),
    [
        ([], True),
        (["mail.received"], True),
        (["account.blocked", "mail.received"], True),
        (["account.blocked"], False),
    ],
)
def test_no_types_are_all_types(types: list[str], taken: bool) -> None:
    assert takes(types, {}, _SUBJECT) is taken


@pytest.mark.parametrize(
    ("part", "values", "taken"),
    [
        ("reference", ["shop-7"], True),
        ("reference", ["shop-1", "SHOP-7"], True),
        ("reference", ["shop"], False),
        ("labels", ["vip"], True),
        ("labels", ["us", "EU"], True),
        ("labels", ["us"], False),
        ("folder", ["inbox"], True),
        ("folder", ["Archive"], False),
        ("folder", [], False),
    ],
)
def test_one_part_of_the_account_alone(part: str, values: list[str], taken: bool) -> None:
    assert takes([], {part: values}, _SUBJECT) is taken


@pytest.mark.parametrize("part", ["reference", "labels", "folder"])
def test_all_parts_of_the_account_together(part: str) -> None:
    wanted = {"reference": ["shop-7"], "labels": ["vip"], "folder": ["INBOX"]}
    assert takes(["mail.received"], wanted, _SUBJECT)
    assert not takes(["mail.received"], wanted | {part: ["other"]}, _SUBJECT)


def test_an_account_without_a_reference_is_none_of_those_that_are_wanted() -> None:
    assert not takes([], {"reference": ["shop-7"]}, Subject("mail.received"))
    assert not takes([], {"labels": ["vip"]}, Subject("mail.received"))


def test_an_event_of_no_folder_passes_a_folder() -> None:
    assert takes([], {"folder": ["Archive"]}, Subject("account.blocked"))


def test_parts_of_the_mail_do_not_concern_the_account() -> None:
    assert takes([], {"from": ["nobody@a.example"], "has_attachment": False}, _SUBJECT)


# What the mail says


@pytest.mark.parametrize(
    ("part", "wanted", "taken"),
    [
        ("from", ["ada@sender.example"], True),
        ("from", ["@SENDER.example"], True),
        ("from", ["@ender.example"], False),
        ("from", ["sender.example"], False),
        ("from", ["eve@a.example", "ada@sender.example"], True),
        ("from", ["sales@shop.example"], False),
        ("to", ["SALES@shop.example"], True),
        ("to", ["boss@shop.example"], True),
        ("to", ["ada@sender.example"], False),
        ("subject_contains", ["invoice"], True),
        ("subject_contains", ["offer", "4711"], True),
        ("subject_contains", ["offer"], False),
        ("has_attachment", True, True),
        ("has_attachment", False, False),
        ("header", {"X-Kind": "first"}, True),
        ("header", {"x-kind": "SECOND"}, True),
        ("header", {"X-Kind": "fir"}, False),
        ("header", {"X-Kind": "first", "X-Other": "1"}, False),
    ],
)
def test_one_part_of_the_mail_alone(part: str, wanted: Any, taken: bool) -> None:
    assert takes_it({part: wanted}) is taken


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("from", ["eve@a.example"]),
        ("to", ["eve@a.example"]),
        ("subject_contains", ["offer"]),
        ("has_attachment", False),
        ("header", {"X-Kind": "third"}),
    ],
)
def test_all_parts_of_the_mail_together(part: str, other: Any) -> None:
    wanted = {
        "from": ["@sender.example"],
        "to": ["sales@shop.example"],
        "subject_contains": ["invoice"],
        "has_attachment": True,
        "header": {"X-Kind": "first"},
    }
    assert takes_it(wanted)
    assert not takes_it(wanted | {part: other})


def test_an_inline_picture_is_no_attachment() -> None:
    assert takes_it({"has_attachment": False}, attachments=[{"inline": True}])
    assert not takes_it({"has_attachment": True}, attachments=[{"inline": True}])


@pytest.mark.parametrize("part", ["from", "to", "subject_contains"])
def test_a_mail_that_says_nothing_is_not_taken_by_what_asks_for_something(part: str) -> None:
    nothing = {"from": None, "to": None, "cc": None, "subject": None, "attachments": None}
    assert not takes_it({part: ["x"]}, **nothing)
    assert takes_it({"has_attachment": False}, **nothing)


def test_no_filter_takes_everything() -> None:
    assert takes_it({})
    assert takes([], {}, Subject("account.blocked"))


# What becomes of the mail


def filtering(app: SteppedApp, **wanted: Any) -> None:
    """The settings' endpoint takes nothing; another one takes what the filter says."""
    app.parts.endpoint_admin.change("ep_settings", {"enabled": False})
    body = {"url": app.services.receiver.hook_url, "event_types": "mail.received"}
    made = app.parts.endpoint_admin.create(body | {"filter": wanted, "all_accounts": False})
    for account in app.parts.accounts.after("", 9):
        told = {"endpoints": [made["id"]], "common_endpoints": False}
        app.parts.directory.change(account.id, told)


def owed_mails(app: SteppedApp, account_id: str) -> list[dict[str, Any]]:
    rows = app.rows("mailboxes", PartitionKey=account_id)
    return [row for row in rows if row["RowKey"].startswith("owed:")]


def test_mail_that_no_endpoint_takes_is_counted_and_not_stored_and_the_cursor_moves(
    app: SteppedApp, address: str
) -> None:
    account = app.settled(address)
    filtering(app, subject_contains="invoice")
    for subject in ("Offer", "Invoice 4711", "Hello"):
        app.services.dovecot.deliver(address, made_up(address, subject))
    app.tick()
    assert app.subjects(address) == ["Invoice 4711"]
    assert app.account(account.id).filtered == 2
    assert app.parts.directory.show(account.id)["filtered"] == 2
    assert len(app.rows("mailboxes", PartitionKey=account.id, type="mail.received")) == 1
    assert app.parts.outbox.cursors(account.id)["INBOX"].last_uid == 3


def test_mail_that_could_not_be_read_goes_by_account_first_and_by_the_rest_once_it_is_read(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    filtering(app, subject_contains="invoice")
    proxy.on(r"UID FETCH \S+ \(BODY", says("BAD Command Argument Error. 11"))
    for subject in ("Offer", "Invoice 4711"):
        app.services.dovecot.deliver(address, made_up(address, subject))
    app.tick()
    assert [row["unread"] for row in owed_mails(app, account.id)] == [True, True]
    proxy.behave()
    app.make_attempts_due(account.id)
    app.tick()
    assert app.subjects(address) == ["Invoice 4711"]
    assert owed_mails(app, account.id) == []
    assert app.account(account.id).owed == 0


def test_mail_that_could_not_be_read_is_not_owed_where_the_account_alone_rules_it_out(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    filtering(app, folder="Archive")
    proxy.on(r"UID FETCH \S+ \(BODY", says("BAD Command Argument Error. 11"))
    app.put(address, "Offer")
    app.tick()
    assert owed_mails(app, account.id) == []
    assert app.account(account.id).filtered == 1
