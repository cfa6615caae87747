"""Re-encryption: everything sealed comes under the newest key, whatever happens meanwhile."""

import base64
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.connector import Connector
from shared.errors import OperatorFault, Rejected
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.app_host import AppHost
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.table_dump import dump
from tests.lab.waiting import wait_until

_OLD, _NEW = (f"{kid}:{base64.b64encode(kid.encode() * 16).decode()}" for kid in ("k1", "k2"))
_COLUMNS = ("data", "envelope", "answers", "sealed", "cache0")


def sealed_with(app: SteppedApp, kid: str) -> list[tuple[str, str]]:
    """Table and column of every sealed value whose key has this id."""
    marker = bytes([1, len(kid)]) + kid.encode()
    return [
        (table, name)
        for table, rows in dump(app.storage).items()
        for row in rows
        for name in _COLUMNS
        if base64.b64decode(row.get(name, "")).startswith(marker)
    ]


def under(app: SteppedApp, *keys: str) -> Connector:
    """The program with these keys, newest first, on the same storage."""
    changed = settings.read({"ENCRYPTION_KEYS": ",".join(keys)} | _REST).encryption_keys
    return Connector(replace(app.parts.settings, encryption_keys=changed))


_REST = {
    "CLIENT_ID": "x",
    "CLIENT_SECRET": "x",
    "PUBLIC_BASE_URL": "http://localhost:1",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "WEBHOOK_URL": "https://app.example.com",
    "WEBHOOK_SECRET": "whsec_" + base64.b64encode(bytes(32)).decode(),
}


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    """An app that has sealed something in every table, under the old key."""
    made = Desk(start_app, services, ENCRYPTION_KEYS=_OLD)
    made.endpoint("orders", filter={"subject_contains": ["canary"]})
    made.parts.once.open_login("state", "cookie", {"flow": {"verifier": "canary"}}, made.clock())
    return made


def filled(desk: Desk, address: str) -> str:
    """A connected account with events that are owed and done."""
    account = desk.app.settled(address)
    answered, *_ = desk.owe(account, 3)
    answered = replace(answered, answers={"ep_settings": "canary"})
    desk.parts.outbox.settle(account.id, [answered], desk.clock())
    return account.id


def all_of_it(parts: Connector, **options: float) -> list[dict[str, Any]]:
    """The answers of a whole pass."""
    told = [parts.reencrypt.run(None, **options)]
    while told[-1]["next"]:
        told.append(parts.reencrypt.run({"next": told[-1]["next"]}, **options))
    return told


def test_t12_everything_sealed_comes_under_the_newest_key(desk: Desk, address: str) -> None:
    account_id = filled(desk, address)
    before = sealed_with(desk.app, "k1")
    assert {name for _, name in before} == set(_COLUMNS)
    (told,) = all_of_it(under(desk.app, _NEW, _OLD))
    assert (told["left"], told["next"]) == (0, "") and told["reencrypted"] >= len(before) - 3
    assert sealed_with(desk.app, "k1") == []
    assert sorted(sealed_with(desk.app, "k2")) == sorted(before)
    now = under(desk.app, _NEW)  # the old key is gone
    assert now.tokens.get("00", account_id)
    assert now.outbox.listed(account_id, "owed", "", 10)[0][1].answers
    assert len(now.endpoints.all()) == 2


def test_a_second_pass_finds_nothing_to_do(desk: Desk, address: str) -> None:
    filled(desk, address)
    parts = under(desk.app, _NEW, _OLD)
    all_of_it(parts)
    assert all_of_it(parts) == [{"reencrypted": 0, "left": 0, "next": ""}]


def test_t12_it_goes_on_where_its_time_ended(desk: Desk, account_id: str) -> None:
    account = desk.account(account_id)
    for _ in range(2):
        desk.owe(account, 60)
    told = all_of_it(under(desk.app, _NEW, _OLD), seconds=-1)
    assert len(told) >= 4 and all(one["next"] for one in told[:-1])
    assert sum(one["reencrypted"] for one in told) == 122
    assert sealed_with(desk.app, "k1") == []


def test_t12_what_an_unknown_key_sealed_stays_as_it_is_and_is_counted(
    desk: Desk, address: str
) -> None:
    filled(desk, address)
    before = dump(desk.app.storage)
    parts = under(desk.app, _NEW)
    (told,) = all_of_it(parts)
    assert told["reencrypted"] == 0 and told["left"] >= 4
    assert dump(desk.app.storage) == before
    with pytest.raises(OperatorFault, match=r"unknown_encryption_key \(k1\)"):
        parts.endpoints.all()


def test_t12_mail_that_was_done_is_still_known_once_the_old_key_is_gone(
    desk: Desk, address: str
) -> None:
    desk.app.services.dovecot.deliver(address, b"Message-ID: <1@a>\r\nSubject: Hello\r\n\r\nHi")
    account = desk.app.connected(address)
    (mail,) = (
        event
        for _, event in desk.parts.outbox.listed(account.id, "done", "", 10)
        if event.type == "mail.received"
    )
    assert desk.parts.outbox.known_mail(account.id)(mail.envelope)
    all_of_it(under(desk.app, _NEW, _OLD))
    known = under(desk.app, _NEW).outbox.known_mail(account.id)
    assert known(mail.envelope)
    assert not known(mail.envelope | {"message_id": "<2@a>"})


def test_f8_a_row_that_is_written_meanwhile_is_read_again(
    services: Services, start_app: StartApp, lossy: TableProxy
) -> None:
    desk = Desk(start_app, services, ENCRYPTION_KEYS=_OLD, STORAGE=lossy.connection_string)
    made = [desk.endpoint(f"e{number}") for number in range(3)]
    parts = under(desk.app, _NEW, _OLD)
    once = threading.Event()

    def meanwhile(phase: str, what: str) -> None:
        if phase == "request" and "$batch" in what and not once.is_set():
            once.set()
            desk.app.edit("endpoints", "endpoint", made[1], description="changed")

    lossy.watch(meanwhile)
    (told,) = all_of_it(parts)
    assert told == {"reencrypted": 3, "left": 0, "next": ""}
    assert sealed_with(desk.app, "k1") == []
    assert under(desk.app, _NEW).endpoints.all()[made[1]].description == "changed"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "body"),
        ({"then": ""}, "body"),
        ({"next": 1}, "next"),
        ({"next": "!"}, "next"),
        ({"next": base64.urlsafe_b64encode(b"accounts|00|x").decode()}, "next"),
    ],
)
def test_bad_input_is_named(parts: Connector, body: Any, named: str) -> None:
    with pytest.raises(Rejected) as refused:
        parts.reencrypt.run(body)
    assert (refused.value.code, refused.value.detail) == ("field_invalid", named)


def test_t12_killed_again_and_again_it_comes_to_its_end(
    services: Services, start_app: StartApp, lossy: TableProxy, tmp_path: Path
) -> None:
    """The host is killed at the 3rd and at the 5th write, once before it and once after it."""
    keys = {"STORAGE": lossy.connection_string, "ENCRYPTION_KEYS": _OLD}
    desk = Desk(start_app, services, **keys)
    for number in range(3):
        desk.owe(desk.account(f"acc_{'a' * 25}{'bcd'[number]}"), 40)
    desk.endpoint("orders")
    keys["ENCRYPTION_KEYS"] = f"{_NEW},{_OLD}"
    host = AppHost(services, tmp_path, settings=keys)
    for phase, number in (("request", 2), ("answer", 2)):
        host.start()
        killed_at(lossy, host, phase, number)
    host.start()
    told = host.api("POST", "maintenance/reencrypt", json={}).json()
    host.kill()
    assert (told["left"], told["next"]) == (0, "")
    assert sealed_with(desk.app, "k1") == []
    assert len(sealed_with(desk.app, "k2")) == 121
    assert len(under(desk.app, _NEW).endpoints.all()) == 2


def killed_at(proxy: TableProxy, host: AppHost, phase: str, number: int) -> None:
    """Has the host re-encrypt, and kills it at the n-th write."""
    seen: list[str] = []

    def watcher(now: str, what: str) -> None:
        if now == phase and not what.startswith("GET"):
            seen.append(what)
            if len(seen) == number:
                host.kill()

    proxy.watch(watcher)
    with pytest.raises(OSError):
        host.api("POST", "maintenance/reencrypt", json={})
    proxy.watch(None)
    wait_until(lambda: not host.running, 10, "the host is dead")


def test_t11_a_dump_of_all_tables_has_no_canary(desk: Desk, address: str) -> None:
    filled(desk, address)
    subject = "Subject: canary subject\r\n\r\ncanary text"
    desk.app.services.dovecot.deliver(address, subject.encode())
    desk.app.tick()
    left = json.dumps(dump(desk.app.storage))
    secret = base64.b64encode(b"canary").decode().rstrip("=")
    assert "canary" not in left and secret not in left and "refresh_token" not in left


@pytest.mark.parametrize(("table", "column"), [("once", "data"), ("endpoints", "sealed")])
def test_t11_rows_that_were_swapped_or_spoilt_are_left_as_they_are(
    desk: Desk, table: str, column: str
) -> None:
    """Neither read nor sealed anew: that would make the swap good."""
    desk.endpoint("another")
    desk.parts.once.open_login("state2", "cookie", {}, desk.clock())
    first, second = (row for row in desk.parts.tables.query(table) if row.get(column))
    for row, other in ((first, second[column]), (second, first[column][:-1] + b"x")):
        desk.app.edit(table, *row.key, **{column: other})
    before = desk.app.rows(table)
    (told,) = all_of_it(under(desk.app, _NEW, _OLD))
    assert told["left"] == 2
    assert desk.app.rows(table) == before


def test_the_answer_has_no_secret(desk: Desk, address: str) -> None:
    filled(desk, address)
    told = json.dumps(all_of_it(under(desk.app, _NEW, _OLD)))
    assert "canary" not in told and address not in told
