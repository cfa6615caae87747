"""Invitations: what is in a link, whom it lets in, and when it is used up."""

import base64
import re
from dataclasses import replace
from typing import Any

import pytest
import requests

from shared import ids, instants
from shared.account_rows import Account
from shared.id_token import PERSONAL_TENANT, Identity
from shared.invitations import Invitation
from tests.conftest import StartApp
from tests.desk import Clock
from tests.guest import Guest, account_of, fields, invited, query
from tests.lab.lab import Lab
from tests.lab.stepped_app import SteppedApp
from tests.refusals import refused

_BACK = "http://localhost:3000/back"
_WORK_TENANT = "5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10"


@pytest.fixture
def colleague() -> str:
    """A work address that no other test uses."""
    return f"person{ids.endpoint_id()[3:12]}@contoso.example"


def stored(app: SteppedApp) -> list[dict[str, Any]]:
    """All that a login can leave, but for the login itself."""
    tables = ("accounts", "tokens", "mailboxes")
    return [row for table in tables for row in app.rows(table)]


# The link


def test_t2_nothing_in_a_link_can_be_read(closed_app: SteppedApp) -> None:
    secret: dict[str, Any] = {"reference": "canary-7", "labels": ["canary"]}
    secret |= {"return_url": f"{_BACK}?canary", "expected_address": "canary@outlook.example"}
    url = invited(closed_app, **secret)
    assert list(query(url)) == ["invitation"]
    token = query(url)["invitation"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"canary" not in raw and "canary" not in token
    assert invited(closed_app, **secret) != url


def test_making_and_opening_an_invitation_stores_nothing(closed_app: SteppedApp) -> None:
    url = invited(closed_app, reference="a")
    for _ in range(20):
        assert Guest(closed_app).ask(url).status == 200
    assert closed_app.rows("once") == [] and stored(closed_app) == []


def test_t2_the_account_gets_what_the_invitation_says(closed_app: SteppedApp, address: str) -> None:
    app = closed_app
    receiver = app.services.receiver
    own = app.parts.endpoint_admin.create({"url": f"{receiver.hook_url}/own-{address}"})["id"]
    url = invited(
        app,
        reference="customer-7",
        labels=["support", "eu"],
        endpoint_id=own,
        folders=["inbox", "Archive"],
        start="now",
    )
    assert Guest(app).connect(url, address).status == 303
    account = account_of(app, "customer-7")
    assert (account.labels, account.endpoints, account.start) == (("support", "eu"), (own,), "now")
    assert [folder.name for folder in account.folders] == ["INBOX", "Archive"]
    told = app.webhooks(address, "account.connected")
    assert {one["body"]["data"]["account"]["reference"] for one in told} == {"customer-7"}
    assert f"/hook/own-{address}" in {one["path"] for one in told}


def test_the_query_decides_nothing_beside_an_invitation(
    closed_app: SteppedApp, address: str
) -> None:
    url = invited(closed_app, reference="a", return_url=_BACK)
    evil = f"{url}&return_to=https://evil.example/&reference=b&endpoint_id=ep_settings"
    guest = Guest(closed_app)
    begun = guest.begin(evil, return_to="https://evil.example/", reference="b")
    ended = guest.finish(guest.at_microsoft(begun.location, address))
    assert ended.location.startswith(f"{_BACK}?")
    assert account_of(closed_app, "a").endpoints == ()


def test_start_now_leaves_out_what_was_there(closed_app: SteppedApp, address: str) -> None:
    closed_app.services.microsoft.add_account(address, "personal")
    closed_app.put(address, "Old")
    Guest(closed_app).connect(invited(closed_app, reference="a", start="now"), address)
    closed_app.put(address, "New")
    closed_app.tick_in(60)
    assert closed_app.subjects(address) == ["New"]


def test_the_hint_is_told_to_microsoft(closed_app: SteppedApp) -> None:
    hinted = invited(closed_app, login_hint="ada@outlook.example")
    for url in (hinted, invited(closed_app, expected_address="ada@outlook.example")):
        begun = Guest(closed_app).begin(url)
        assert query(begun.location)["login_hint"] == "ada@outlook.example"
    assert "login_hint" not in query(Guest(closed_app).begin(invited(closed_app)).location)


# Links that are none


@pytest.mark.parametrize(
    "sent", ["", "x", "ep_settings", "A" * 6001, "\u00e9", "../..", "AAAA=", "%00"]
)
def test_t2_a_forged_invitation_is_refused(closed_app: SteppedApp, sent: str) -> None:
    page = Guest(closed_app).ask(f"/api/login?invitation={sent}")
    assert (page.status, "invitation_invalid" in page.html) == (400, True)


def test_t2_an_invitation_that_comes_twice_is_refused_where_anybody_may_connect(
    app: SteppedApp,
) -> None:
    url = invited(app)
    page = Guest(app).ask(f"{url}&{url.partition('?')[2]}")
    assert (page.status, "invitation_invalid" in page.html) == (400, True)


def test_t2_an_edited_invitation_is_refused_wherever_it_was_edited(closed_app: SteppedApp) -> None:
    token = query(invited(closed_app, reference="a"))["invitation"]
    other = query(invited(closed_app, reference="b"))["invitation"]
    edited = {
        token[:at] + letter + token[at + 1 :]
        for at in (*range(0, len(token), 7), len(token) - 1)
        for letter in "AQz_"
    } | {token[:-1], f"{token}A", token[:80] + other[80:], token[::-1]}
    for one in edited - {token}:
        page = Guest(closed_app).ask(f"/api/login?invitation={one}")
        assert (page.status, "invitation_invalid" in page.html) == (400, True), one


def test_t2_something_else_that_the_app_has_sealed_is_no_invitation(app: SteppedApp) -> None:
    Guest(app).begin("/api/login")
    (login,) = app.rows("once", PartitionKey="login")
    row = app.parts.tables.get("once", "login", str(login["RowKey"]))
    assert row
    token = base64.urlsafe_b64encode(row["data"]).decode().rstrip("=")
    page = Guest(app).ask(f"/api/login?invitation={token}")
    assert (page.status, "invitation_invalid" in page.html) == (400, True)


def test_t2_an_edited_form_starts_no_login(closed_app: SteppedApp) -> None:
    url = invited(closed_app, reference="a")
    begun = Guest(closed_app).begin(url, invitation=query(url)["invitation"][:-2])
    assert (begun.status, begun.location) == (400, "")
    asked = Guest(closed_app)
    form = fields(asked.ask(url).html)
    del form["invitation"]
    begun = asked.press(form)
    assert (begun.status, "login_closed" in begun.html) == (403, True)
    assert closed_app.rows("once") == []


def test_t2_an_expired_invitation_is_refused_by_page_and_form(start_app: StartApp) -> None:
    clock = Clock()
    app = start_app(OPEN_CONNECT="false", clock=clock)
    url = invited(app, clock.at, expires_in_seconds=60)
    guest = Guest(app, clock)
    form = fields(guest.ask(url).html)
    clock.forward(seconds=59)
    assert guest.ask(url).status == 200
    clock.forward(seconds=1)
    for answer in (guest.ask(url), guest.press(form)):
        assert (answer.status, "invitation_expired" in answer.html) == (410, True)
    assert app.rows("once") == []


def test_an_invitation_to_an_endpoint_that_was_removed_is_refused(app: SteppedApp) -> None:
    admin = app.parts.endpoint_admin
    own = admin.create({"url": f"{app.services.receiver.hook_url}/removed"})["id"]
    url = invited(app, endpoint_id=own)
    admin.delete(own)
    assert Guest(app).ask(url).status == 400


# Used up


def test_t2_a_used_invitation_is_refused(closed_app: SteppedApp, address: str) -> None:
    url = invited(closed_app, reference="a")
    Guest(closed_app).connect(url, address)
    guest = Guest(closed_app)
    asked = guest.ask(url)
    assert (asked.status, "invitation_used" in asked.html) == (409, True)
    (used,) = closed_app.rows("once", PartitionKey="invitation")
    assert used["account"] == account_of(closed_app, "a").id


def test_t2_of_two_people_with_one_link_the_second_leaves_nothing(
    closed_app: SteppedApp, address: str
) -> None:
    url = invited(closed_app, reference="a")
    other = f"other-{address}"
    first, second = Guest(closed_app), Guest(closed_app)
    theirs = second.begin(url)
    first.connect(url, address)
    before = stored(closed_app)
    ended = second.finish(second.at_microsoft(theirs.location, other))
    assert (ended.status, "invitation_used" in ended.html) == (409, True)
    assert stored(closed_app) == before


def test_t2_a_second_tab_of_the_same_person_goes_on(closed_app: SteppedApp, address: str) -> None:
    url = invited(closed_app, reference="a")
    first, second = Guest(closed_app), Guest(closed_app)
    theirs = second.begin(url)
    first.connect(url, address)
    ended = second.finish(second.at_microsoft(theirs.location, address))
    assert ended.status == 303
    assert account_of(closed_app, "a").status == "active"


def test_a_login_that_failed_uses_nothing_up(closed_app: SteppedApp, address: str) -> None:
    url = invited(closed_app, reference="a")
    guest = Guest(closed_app)
    begun = guest.begin(url)
    ended = guest.finish(guest.at_microsoft(begun.location, address, choose="cancel"))
    assert (ended.status, "cancelled" in ended.html) == (400, True)
    again = re.search(r'<a class="button" href="([^"]+)">Start again', ended.html)
    assert again and again[1] == url
    assert guest.connect(url, address).status == 303


def test_an_invitation_is_used_up_once_the_mailbox_opens(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    app.services.microsoft.add_account(address, "personal", owns_mailbox=False)
    url = invited(app, reference="a")
    guest = Guest(app)
    page = guest.result_page(guest.connect(url, address).location)
    assert account_of(app, "a").status == "blocked"
    assert app.rows("once", PartitionKey="invitation") == []
    app.services.microsoft.add_account(address, "personal")
    guest.act(page, "check")
    assert account_of(app, "a").status == "active"
    assert Guest(app).ask(url).status == 409


@pytest.mark.parametrize("written", ["used", "nothing"])
def test_t2_what_a_kill_leaves_is_completed_with_the_same_link(
    closed_app: SteppedApp, address: str, written: str
) -> None:
    """The account's row is the last that is written; the row that uses up comes before it."""
    app = closed_app
    url = invited(app, reference="a")
    Guest(app).connect(url, address)
    account = account_of(app, "a")
    (used,) = app.rows("once", PartitionKey="invitation")
    app.parts.accounts.drop(account)
    if written == "used":
        app.edit("once", "invitation", used["RowKey"], state="used")
    else:
        app.parts.tables.delete("once", "invitation", used["RowKey"])
    assert Guest(app).connect(url, address).status == 303
    assert account_of(app, "a").id == account.id
    assert len(app.webhooks(address, "account.connected")) == 1


def test_what_is_used_up_or_told_is_purged_once_it_has_expired(
    start_app: StartApp, address: str
) -> None:
    clock = Clock()
    app = start_app(clock=clock)
    Guest(app, clock).connect(
        invited(app, clock.at, expires_in_seconds=600, return_url=_BACK), address
    )
    assert {row["PartitionKey"] for row in app.rows("once")} >= {"invitation", "result", "login"}
    clock.at = clock.at.replace(minute=0)  # a minute in which a busy tick purges too
    clock.forward(hours=2)
    app.tick()
    assert {row["PartitionKey"] for row in app.rows("once")} == {"app"}


# Who may sign in


@pytest.mark.parametrize("written", ["{}", "  {}", "upper"])
def test_t2_the_address_that_is_expected_may_be_written_otherwise(
    closed_app: SteppedApp, address: str, written: str
) -> None:
    expected = address.upper() if written == "upper" else written.format(address)
    url = invited(closed_app, reference="a", expected_address=expected)
    assert Guest(closed_app).connect(url, address).status == 303
    assert account_of(closed_app, "a").address == address


def test_t2_another_address_than_the_expected_one_leaves_no_row(
    closed_app: SteppedApp, address: str
) -> None:
    url = invited(closed_app, reference="a", expected_address=address)
    guest = Guest(closed_app)
    ended = guest.connect(url, f"other-{address}")
    assert (ended.status, "wrong_account" in ended.html) == (400, True)
    assert stored(closed_app) == []
    assert {row["PartitionKey"] for row in closed_app.rows("once")} == {"login"}
    assert guest.connect(url, address).status == 303


def test_t2_an_address_that_the_own_organisation_wrote_pins_nothing(
    closed_app: SteppedApp, address: str
) -> None:
    """`email` of a work account is whatever its administrator typed."""
    mallory = f"mallory-{address.partition('@')[0]}@contoso.example"
    closed_app.services.microsoft.add_account(mallory, "work", email=address)
    closed_app.services.microsoft.next_id_token(preferred_username="+49 30 1234", email=address)
    url = invited(closed_app, expected_address=address)
    ended = Guest(closed_app).connect(url, mallory, "work")
    assert (ended.status, "wrong_account" in ended.html) == (400, True)
    assert stored(closed_app) == []


def test_t3_the_expected_account_is_its_identity_and_not_its_address(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    Guest(app).connect(invited(app, reference="a"), address)
    known = account_of(app, "a")
    url = invited(app, reference="a", expected_account=known.id)
    microsoft = app.services.microsoft
    microsoft.add_account(address, "personal", oid="00000000-0000-0000-0000-0000000000ff")
    before = stored(app)
    ended = Guest(app).connect(url, address)
    assert (ended.status, "wrong_account" in ended.html) == (400, True)
    assert stored(app) == before
    microsoft.add_account(address, "personal", oid=known.oid)
    assert Guest(app).connect(url, address).status == 303


def test_t3_a_reassigned_address_is_a_new_account_and_the_old_one_is_untouched(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    Guest(app).connect(invited(app, reference="a"), address)
    before = account_of(app, "a")
    oid = "00000000-0000-0000-0000-0000000000fe"
    app.services.microsoft.add_account(address, "personal", oid=oid)
    Guest(app).connect(invited(app, reference="a"), address)
    assert app.account(before.id) == before
    assert len(app.rows("accounts", reference="a")) == 2


def test_the_address_that_was_invited_can_not_be_changed_at_the_end(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    app.services.microsoft.add_account(
        address, "personal", owns_mailbox=False, mailboxes=[f"alias-{address}"]
    )
    guest = Guest(app)
    ended = guest.connect(invited(app, reference="a", expected_address=address), address)
    page = guest.result_page(ended.location)
    assert "Use this address" not in page.html
    answer = guest.act(page, "address", address=f"alias-{address}")
    assert (answer.status, "wrong_account" in answer.html) == (403, True)
    assert account_of(app, "a").address == address


@pytest.mark.parametrize(
    ("kind", "authority"), [("personal", "consumers"), ("work", "organizations"), ("any", "common")]
)
def test_the_kind_chooses_where_to_sign_in(
    closed_app: SteppedApp, address: str, colleague: str, kind: str, authority: str
) -> None:
    guest = Guest(closed_app)
    begun = guest.begin(invited(closed_app, reference="a", kind=kind))
    assert f"/{authority}/oauth2/" in begun.location
    person, of = (colleague, "work") if kind == "work" else (address, "personal")
    assert guest.finish(guest.at_microsoft(begun.location, person, of)).status == 303


def test_another_kind_of_account_is_refused_whatever_microsoft_let_in(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    issuer = f"{app.services.microsoft_url}/{_WORK_TENANT}/v2.0"
    app.services.microsoft.next_id_token(tid=_WORK_TENANT, iss=issuer)
    ended = Guest(app).connect(invited(app, kind="personal"), address)
    assert (ended.status, "wrong_kind_of_account" in ended.html) == (400, True)
    assert stored(app) == []


# Shared mailboxes


def test_a_shared_mailbox_is_read_with_the_delegates_sign_in(
    closed_app: SteppedApp, colleague: str
) -> None:
    app, shared = closed_app, f"shared-{colleague}"
    app.services.microsoft.add_account(colleague, "work", mailboxes=[shared])
    app.put(colleague, "To the colleague alone")
    app.put(shared, "To all")
    url = invited(app, reference="a", shared_mailbox=shared)
    assert Guest(app).connect(url, colleague, "work").status == 303
    account = account_of(app, "a")
    assert (account.address, account.shared_mailbox) == (shared, shared)
    assert account.id == ids.account_id(account.tid, account.oid, "a", mailbox=shared.upper())
    assert (app.subjects(shared), app.subjects(colleague)) == (["To all"], [])


def test_a_personal_account_opens_no_shared_mailbox(closed_app: SteppedApp) -> None:
    personal = Identity(PERSONAL_TENANT, "oid", "personal", "a@b.example", "a@b.example")
    url = invited(closed_app, shared_mailbox="info@contoso.example")
    assert "/organizations/oauth2/" in Guest(closed_app).begin(url).location
    opened = closed_app.parts.invitations.opened(query(url)["invitation"], instants.now())
    assert refused(lambda: opened.check(personal))[0] == "wrong_kind_of_account"


# Two references


def test_t2_one_mailbox_under_two_references_is_two_accounts_with_two_webhooks(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    for reference in ("a", "b"):
        Guest(app).connect(invited(app, reference=reference, labels=[reference]), address)
    one, other = account_of(app, "a"), account_of(app, "b")
    assert one.id != other.id and len(app.rows("tokens")) == 2
    app.put(address, "Hello")
    for seconds in (60, 120):  # of two sessions at once, Dovecot may show it to one of them later
        app.tick_in(seconds)
    told = [one["body"]["data"]["account"] for one in app.webhooks(address)]
    assert {(about["id"], about["reference"], tuple(about["labels"])) for about in told} == {
        (one.id, "a", ("a",)),
        (other.id, "b", ("b",)),
    }


def test_t2_an_account_is_changed_only_with_its_reference(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    Guest(app).connect(invited(app, reference="a", labels=["x"]), address)
    before = account_of(app, "a")
    Guest(app).connect(invited(app, reference="A", labels=["y"]), address)
    Guest(app).connect(invited(app, labels=["z"]), address)
    assert app.account(before.id) == before
    Guest(app).connect(invited(app, reference="a", labels=["w"]), address)
    assert account_of(app, "a").labels == ("w",)
    Guest(app).connect(invited(app, reference="a"), address)
    assert account_of(app, "a").labels == ("w",)


# Open redirects


def test_t7_no_payload_gets_into_an_invitation(app: SteppedApp, open_redirects: list[str]) -> None:
    for payload in open_redirects:
        found = refused(lambda: invited(app, return_url=payload))  # noqa: B023 - called at once
        assert found[:2] == ("field_invalid", "return_url")


def test_t7_a_return_url_that_is_no_longer_allowed_is_not_followed(
    start_app: StartApp,
) -> None:
    keys = "k1:" + base64.b64encode(bytes(32)).decode()
    before = start_app(RETURN_URLS="https://old.example", ENCRYPTION_KEYS=keys)
    url = invited(before, return_url="https://old.example/x")
    app = start_app(ENCRYPTION_KEYS=keys)
    page = Guest(app).ask(url)
    assert (page.status, "return_to_refused" in page.html) == (400, True)


# Signing in again


def ended(app: SteppedApp, account: Account) -> Account:
    """The account once Microsoft refuses its sign-in."""
    app.services.microsoft.revoke(account.address)
    app.edit("accounts", account.shard, account.id, next_refresh_at="2020-01-01T00:00:00Z")
    app.edit("accounts", account.shard, account.id, next_due_at="2020-01-01T00:00:00Z")
    app.edit("tokens", account.shard, account.id, expires_at="2020-01-01T00:00:00Z")
    app.restart()
    app.tick()
    found = app.account(account.id)
    assert found.status == "reconnect_required"
    return found


def test_the_link_to_sign_in_again_brings_the_account_back_with_what_it_missed(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    Guest(app).connect(invited(app, reference="a", labels=["x"]), address)
    before = ended(app, account_of(app, "a"))
    (told,) = app.webhooks(address, "account.reconnect_required")
    link = told["body"]["data"]["link"]
    app.put(address, "Meanwhile")
    other = Guest(app).connect(link, f"other-{address}")
    assert (other.status, "wrong_account" in other.html) == (400, True)
    assert app.account(before.id) == before
    assert Guest(app).connect(link, address).status == 303
    after = account_of(app, "a")
    assert (after.id, after.status, after.labels) == (before.id, "active", ("x",))
    assert app.subjects(address) == ["Meanwhile"]
    assert len(app.webhooks(address, "account.restored")) == 1
    assert len(app.webhooks(address, "account.connected")) == 1
    assert Guest(app).ask(link).status == 409


def test_the_directory_shows_where_to_sign_in_again_while_that_is_needed(
    closed_app: SteppedApp, address: str
) -> None:
    app = closed_app
    Guest(app).connect(invited(app, reference="a"), address)
    account = account_of(app, "a")
    assert app.parts.directory.show(account.id)["reconnect_url"] == ""
    ended(app, account)
    (told,) = app.webhooks(address, "account.reconnect_required")
    link = app.parts.directory.show(account.id)["reconnect_url"]
    assert Guest(app).connect(link, address).status == 303
    assert app.parts.directory.show(account.id)["reconnect_url"] == ""
    # Both were for the same occasion.
    assert Guest(app).ask(told["body"]["data"]["link"]).status == 409


def test_a_link_to_sign_in_again_ends_after_30_days(start_app: StartApp, address: str) -> None:
    clock = Clock()
    app = start_app(clock=clock)
    account = app.settled(address)
    url = app.parts.invitations.reconnect_url(account, 1, clock.at)
    clock.forward(days=30, seconds=-1)
    assert Guest(app, clock).ask(url).status == 200
    clock.forward(seconds=1)
    assert Guest(app, clock).ask(url).status == 410


# Over HTTP


def test_an_invitation_from_the_api_to_the_redeemed_result(lab: Lab, address: str) -> None:
    body = {"reference": "http-7", "return_url": _BACK}
    made = lab.host.api("POST", "invitations", json=body)
    assert made.status_code == 201
    page = lab.browser().get(made.json()["url"])
    assert (page.status, page.title) == (200, "Connect your mailbox")
    ended = lab.connect(address, login_url=made.json()["url"], stop_at=_BACK)
    code = query(ended.url)["result"]
    told = lab.host.api("POST", "invitations/results", json={"result": code})
    assert (told.status_code, told.json()["account"]["reference"]) == (200, "http-7")
    doubled = lab.host.api("POST", "invitations/results", json={"result": code})
    assert (doubled.status_code, doubled.json()["code"]) == (404, "result_unknown")


@pytest.mark.parametrize("path", ["invitations", "invitations/results"])
def test_the_routes_want_a_key(lab: Lab, path: str) -> None:
    answer = requests.post(f"{lab.host.base_url}/api/{path}", json={}, timeout=10)
    assert answer.status_code == 401


def test_a_refused_field_is_named_over_http(lab: Lab) -> None:
    answer = lab.host.api("POST", "invitations", json={"kind": "robot"})
    assert (answer.status_code, answer.json()["code"]) == (400, "field_invalid")
    assert answer.json()["detail"] == "kind"


def test_nobody_is_expected_unless_it_is_said() -> None:
    anybody = Identity("tid", "oid", "work", "")
    Invitation().check(anybody)
    Invitation(expected_tid="tid", expected_oid="oid").check(anybody)
    for other in (replace(anybody, tid="x"), replace(anybody, oid="x")):
        pinned = Invitation(expected_tid="tid", expected_oid="oid")
        assert refused(lambda: pinned.check(other))[0] == "wrong_account"  # noqa: B023
    assert refused(lambda: Invitation(expected_address="a@b.example").check(anybody))[0]
