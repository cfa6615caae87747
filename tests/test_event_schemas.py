"""Schemas of docs/events: what is sent fits, and nothing with a field more or less does."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared import (
    charsets,
    events,
    header_fields,
    instants,
    mail,
    mail_body,
    mime_parts,
    outbox_rows,
    parameters,
    transfer_encodings,
)
from shared.account_rows import Account
from shared.outbox_rows import Event
from shared.tables import Row
from shared.vault import Vault
from tests.conftest import StartApp
from tests.desk import Desk
from tests.event_schemas import KINDS, PAGE, SCHEMAS, Body, examples, problems
from tests.lab.imap_proxy import ImapProxy, says
from tests.lab.lab import Lab
from tests.lab.mails import five, made_up
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until

_NOW = "2026-01-31T12:00:00Z"
_ACCOUNT = Account(
    id="acc_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    shard="00",
    address="ada@outlook.example",
    reference="customer-7",
    labels=("sales",),
    generation="g1",
)
_LINK = "https://unseen.example/api/login"
_VAULT = Vault((("k1", b"k" * 32),))
_WITH_ISSUES = (
    *(charsets, header_fields, mail, mail_body, mime_parts, parameters, transfer_encodings),
)
# Told of endpoints, not of an account.
_OF_ENDPOINTS = {"endpoint.disabled", "endpoint.test"}


def constants(module: ModuleType) -> set[str]:
    """The texts that the module has names for."""
    named = {name: value for name, value in vars(module).items() if name.isupper()}
    return {value for name, value in named.items() if name[0] != "_" and isinstance(value, str)}


# What the program's functions make


def read(raw: bytes, limit: int = 65_536) -> dict[str, Any]:
    return mail.to_event(mail.parse(raw), body_limit=limit)


def owed(fields: dict[str, Any]) -> Event:
    """A mail as the outbox keeps it, and gives it back for a later attempt."""
    event = Event(
        webhook_id="msg_aaaaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbb",
        type=events.MAIL_RECEIVED,
        recorded_at=_NOW,
        envelope=events.envelope(fields, _NOW, 1234),
        endpoints={},
        folder="INBOX",
        uidvalidity=7,
        uid=42,
        sequence=3,
    )
    return outbox_rows.event(_VAULT, Row(outbox_rows.owed_fields(_VAULT, "acc_a", event), "etag"))


def sent_as(event: Event, data: Any) -> Body:
    found: Body = json.loads(events.body(event, data))
    return found


def received(raw: bytes, limit: int = 65_536) -> Body:
    fields = read(raw, limit)
    event = owed(fields)
    flags = ("\\Flagged", "$Work")
    data = events.mail_received(_ACCOUNT, event, fields, flags, "https://unseen.example")
    return sent_as(event, data)


def without_content(event: Event, why: str) -> Body:
    return sent_as(event, events.mail_without_content(_ACCOUNT, event, why))


def whole(event: Event) -> Body:
    return sent_as(event, events.without_reading(_ACCOUNT, event))


def status(kind: str, code: str = "", link: str = "") -> Body:
    return whole(events.status_event(_ACCOUNT, kind, 5, _NOW, code=code, link=link))


def _made() -> Iterator[tuple[str, Body]]:
    for word, raw in five(_ACCOUNT.address).items():
        yield f"mail.received, {word}", received(raw)
    known = owed(read(made_up(_ACCOUNT.address, "Hello")))
    for word, event in (("known", known), ("never read", owed({}))):
        for why in (events.GONE, events.UNAVAILABLE):
            yield f"mail.received, {word}, {why}", without_content(event, why)
        yield f"mail.unreadable, {word}", whole(events.unreadable(_ACCOUNT, event))
    counts = {"found": 3, "sent": 2, "left_out": 1}
    yield "mailbox.ready", whole(events.mailbox_ready(_ACCOUNT, "INBOX", counts, _NOW))
    counts = {"found": 4, "known": 2, "sent": 1, "left_out": 1}
    yield "mailbox.reset", whole(events.mailbox_reset(_ACCOUNT, "INBOX", 8, counts, _NOW))
    yield "account.connected", status(events.ACCOUNT_CONNECTED)
    yield "account.connected, blocked", status(events.ACCOUNT_CONNECTED, "imap_denied")
    yield "account.restored", status(events.ACCOUNT_RESTORED)
    yield "account.blocked", status(events.ACCOUNT_BLOCKED, "imap_denied")
    yield "account.blocked, without a link", status(events.ACCOUNT_BLOCKED, "folder_missing")
    required = events.ACCOUNT_RECONNECT_REQUIRED
    yield "account.reconnect_required", status(required, "sign_in_again", _LINK)
    tombstone = replace(_ACCOUNT, address="", labels=())
    for code in ("endpoint_gone", "endpoint_failing"):
        told = events.endpoint_disabled("system", "ep_a", "Tickets", code, _NOW, _NOW)
        yield f"endpoint.disabled, {code}", whole(told)
    yield "account.disconnected", whole(events.disconnected(tombstone, "system", _NOW))


MADE = dict(_made())
EXAMPLES = {f"{kind}, {number}": (kind, one) for number, (kind, one) in enumerate(examples())}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"{name}.json"


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_of_one_event(kind: str) -> None:
    assert SCHEMAS[kind]["properties"]["type"] == {"const": kind}


def test_every_event_that_the_program_knows_has_a_schema() -> None:
    kinds = {value for value in constants(events) if "." in value}
    assert len(kinds) >= 8
    assert kinds <= set(KINDS)
    assert kinds - {events.ENDPOINT_TEST} <= {name.partition(",")[0] for name in MADE}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_fits(name: str) -> None:
    assert MADE[name]["type"] == name.partition(",")[0]
    assert problems(MADE[name]) == []


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\xff\x00", b"From: a\nFrom: b\n\n", b"Date: x\n\n"]
)
@pytest.mark.parametrize("limit", [0, 3, 65_536])
def test_whatever_came_as_mail_fits(raw: bytes, limit: int) -> None:
    assert problems(received(raw, limit)) == []


@given(st.binary(max_size=300))
def test_a_mail_of_random_bytes_fits(raw: bytes) -> None:
    assert problems(received(b"From: a\r\nContent-Type: text/html\r\n" + raw)) == []


def test_an_envelope_that_was_cut_fits() -> None:
    """It is kept in 16 KiB: long fields lose their ends, and nothing that a schema asks for."""
    crowd = [{"name": "会" * 500, "address": f"{'a' * 500}@sender.example"}] * 100
    fields = read(made_up(_ACCOUNT.address, "Hello"))
    event = owed(fields | {"subject": "会議" * 5000, "from": crowd, "to": crowd})
    assert len(event.envelope["to"]) < len(crowd)
    assert problems(without_content(event, events.GONE)) == []


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """Each way to spoil a value and what is in it: a field more, a field less, another type."""
    if isinstance(value, dict):
        yield "a field more", value | {"surplus": 1}
        for name in value:
            yield f"no {name}", {key: value[key] for key in value if key != name}
        inside = list(value.items())
    else:
        yield "another type", {"surplus": 1}
        inside = list(enumerate(value)) if isinstance(value, list) else []
    for place, item in inside:
        for how, changed in spoilt(item):
            copied = copy.copy(value)
            copied[place] = changed
            yield f"{place}: {how}", copied


@pytest.mark.parametrize("name", [*MADE, *EXAMPLES])
def test_a_field_more_or_less_or_of_another_type_does_not_fit(name: str) -> None:
    kind, body = EXAMPLES.get(name) or (MADE[name]["type"], MADE[name])
    ways = list(spoilt(body))
    assert len(ways) > 10
    assert [how for how, changed in ways if not problems(changed, kind)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_another_event_does_not_fit(kind: str) -> None:
    others = [one for one in MADE.values() if one["type"] != kind]
    assert all(problems(one, kind) for one in others)


# The page


def test_the_page_shows_every_event_and_its_schema() -> None:
    assert [kind for kind, _ in EXAMPLES.values()] == [one["type"] for _, one in EXAMPLES.values()]
    assert {kind for kind, _ in EXAMPLES.values()} == set(KINDS)
    assert set(re.findall(r"\(events/([\w.]+)\.json\)", PAGE)) == set(SCHEMAS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_page_fits(name: str) -> None:
    assert problems(EXAMPLES[name][1]) == []


def test_schema_and_page_name_the_issues_that_there_are() -> None:
    content = SCHEMAS["mail.received"]["$defs"]["content"]
    listed = set(content["properties"]["issues"]["items"]["enum"])
    codes = {code for module in _WITH_ISSUES for code in constants(module)}
    assert listed == codes | {"too_large"}
    assert set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)) == listed


# What is sent


def test_what_a_host_sends_in_an_accounts_life_fits(lab: Lab, address: str) -> None:
    lab.connect(address)
    account_id = lab.account(address)["id"]
    lab.mail(address, *five(address).values())
    lab.receiver.wait_for(5, address)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    lab.person(address, owns_mailbox=False)
    lab.receiver.wait_for(1, address, "account.blocked")
    lab.person(address, owns_mailbox=True)
    lab.connect(address)
    lab.receiver.wait_for(1, address, "account.restored")
    lab.microsoft.revoke(address)
    lab.microsoft.expire_access_tokens(address)
    lab.receiver.wait_for(1, address, "account.reconnect_required")
    lab.host.api("DELETE", f"accounts/{account_id}").raise_for_status()

    def told() -> list[Body]:
        every = [one["body"] for one in lab.receiver.received()]
        return [one for one in every if one["data"]["account"]["id"] == account_id]

    def kinds() -> set[str]:
        return {one["type"] for one in told()}

    wait_until(lambda: "account.disconnected" in kinds(), 20, "account.disconnected")
    assert kinds() == set(KINDS) - _OF_ENDPOINTS - {"mail.unreadable", "mailbox.reset"}
    assert [found for one in told() for found in problems(one)] == []


def test_what_is_sent_about_endpoints_fits(start_app: StartApp, services: Services) -> None:
    desk = Desk(start_app, services)
    leaving = desk.endpoint("leaving", description="Ticket system")
    desk.parts.endpoint_admin.test(leaving)
    desk.answer("leaving", {"status": 410})
    desk.owe(desk.account("acc_" + "e" * 26))
    desk.tick()
    desk.tick(seconds=60)
    told = [one["body"] for name in ("leaving", "settings") for one in desk.came(name)]
    assert {one["type"] for one in told} >= _OF_ENDPOINTS
    assert [found for one in told for found in problems(one)] == []


def test_what_is_sent_without_content_fits(app: SteppedApp, address: str) -> None:
    account = app.connected(address)
    app.services.receiver.answer({"status": 500})
    for subject in ("Expunged", "Out of reach"):
        app.services.dovecot.deliver(address, made_up(address, subject))
    app.tick()
    app.services.receiver.answer({"status": 500, "times": 1}, {"status": 204})
    app.services.dovecot.expunge(address, 1)
    app.make_attempts_due(account.id)
    app.tick()
    app.services.microsoft.revoke(address)
    app.services.microsoft.expire_access_tokens(address)
    app.make_attempts_due(account.id, recorded_at=instants.after(instants.now(), -73 * 3600))
    app.tick()
    told = [one["body"] for one in app.webhooks(address)]
    assert {one["data"].get("content") for one in told} == {None, "gone", "unavailable"}
    assert [found for one in told for found in problems(one)] == []


def test_an_unreadable_mail_and_a_blocked_sign_in_fit(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    proxy.on(r"UID FETCH \S+ \(BODY", says("BAD Command Argument Error. 11"))
    app.put(address, "Poison")
    account = app.connected(address)
    for _ in range(3):
        app.make_attempts_due(account.id)
        app.tick()
    blocked = f"blocked.{address}"
    app.services.microsoft.add_account(blocked, owns_mailbox=False)
    app.connected(blocked)
    told = [
        *app.webhooks(address, "mail.unreadable"),
        *app.webhooks(blocked, "account.connected"),
    ]
    assert [one["body"]["type"] for one in told] == ["mail.unreadable", "account.connected"]
    assert "code" in told[1]["body"]["data"]
    assert [found for one in told for found in problems(one["body"])] == []
