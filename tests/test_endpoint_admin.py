"""The operator's view of endpoints: make, change, rotate, test, remove."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared import events, ids, instants
from shared.account_rows import Account
from shared.circuit import Circuit
from shared.endpoints import Endpoint, Secret
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.raw_server import RawServer
from tests.lab.services import Services
from tests.refusals import refused

type Serve = Callable[[bytes], str]


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


@pytest.fixture
def account(desk: Desk, account_id: str) -> Account:
    return desk.account(account_id)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts endpoints that answer 500 with these bytes, and gives their URLs."""
    servers: list[RawServer] = []

    def start(body: bytes) -> str:
        def talk(sock: socket.socket) -> None:
            sock.recv(65_536)
            head = f"HTTP/1.1 500 Oh\r\nContent-Length: {len(body)}\r\n\r\n"
            sock.sendall(head.encode() + body)
            sock.shutdown(socket.SHUT_WR)

        servers.append(RawServer(talk))
        return f"http://localhost:{servers[-1].port}/"

    yield start
    for server in servers:
        server.close()


# Made, shown, changed, removed


def test_a_new_endpoint_gets_what_happens_from_now_on(desk: Desk, account: Account) -> None:
    before = desk.owe(account)
    desk.endpoint("new")
    after = desk.owe(account)
    desk.tick()
    assert desk.sent_ids("new") == [after[0].webhook_id]
    assert len(desk.came("settings")) == len(before + after)


def test_t11_its_secret_is_shown_once(desk: Desk) -> None:
    admin = desk.parts.endpoint_admin
    made = admin.create({"url": desk.url("new")})
    assert made["secret"].startswith("whsec_")
    key = made["secret"].removeprefix("whsec_")
    assert len(base64.b64decode(key)) == 32
    shown = [admin.show(made["id"]), admin.page(), admin.change(made["id"], {})]
    assert key not in json.dumps(shown) and "secret" not in shown[0]


def test_what_was_said_is_shown_again(desk: Desk) -> None:
    admin = desk.parts.endpoint_admin
    said = {
        "url": desk.url("new"),
        "description": "Orders",
        "event_types": ["mail.received"],
        "filter": {"from": ["@a.example"], "has_attachment": True},
        "all_accounts": False,
        "enabled": False,
    }
    made = admin.create(said | {"headers": {"X-Key": "canary"}})
    shown = admin.show(made["id"])
    assert {name: shown[name] for name in said} == said
    assert shown["headers"] == ["X-Key"]
    assert shown["disabled"]["code"] == "endpoint_paused"
    assert shown["created_at"] == desk.clock.text


def test_all_endpoints_are_listed_with_the_settings_own(desk: Desk) -> None:
    new = desk.endpoint("new")
    listed = desk.parts.endpoint_admin.page()["endpoints"]
    assert [one["id"] for one in listed] == ["ep_settings", new]
    assert [one["owned_by_settings"] for one in listed] == [True, False]


@pytest.mark.parametrize("body", [{}, {"description": "x"}], ids=str)
def test_without_a_url_none_is_made(desk: Desk, body: dict[str, str]) -> None:
    found = refused(lambda: desk.parts.endpoint_admin.create(body))
    assert found == ("field_invalid", "url", 400)
    assert desk.app.rows("endpoints") == []


_BAD = [
    {"url": 7},
    {"url": ""},
    {"url": "http://169.254.169.254/"},
    {"description": None},
    {"event_types": ["x"]},
    {"filter": {"x": 1}},
    {"headers": {"Host": "x"}},
    {"all_accounts": 1},
    {"enabled": "no"},
    {"secret": "whsec_x"},
]


@pytest.mark.parametrize("body", _BAD, ids=str)
def test_bad_input_changes_nothing(desk: Desk, body: dict[str, Any]) -> None:
    admin = desk.parts.endpoint_admin
    new = desk.endpoint("new")
    before = desk.app.rows("endpoints")
    for work in (
        lambda: admin.create({"url": desk.url("x"), "description": "y"} | body),
        lambda: admin.change(new, {"description": "changed"} | body),
    ):
        code, detail, status = refused(work)
        assert (status, detail[:3]) == (400, next(iter(body))[:3])
        assert code in {"field_invalid", "endpoint_refused"}
    assert desk.app.rows("endpoints") == before


@pytest.mark.parametrize("url", ["http://a.example/", "https://10.0.0.1/", "https://localhost/"])
def test_t15_what_is_not_public_is_refused_when_it_is_saved(start_app: StartApp, url: str) -> None:
    app = start_app(ALLOW_PRIVATE_ENDPOINTS="", WEBHOOK_URL="https://app.example.com/hook")
    admin = app.parts.endpoint_admin
    made = admin.create({"url": "https://app.example.com/other"})
    before = app.rows("endpoints")
    assert refused(lambda: admin.create({"url": url}))[0] == "endpoint_refused"
    assert refused(lambda: admin.change(made["id"], {"url": url}))[0] == "endpoint_refused"
    assert app.rows("endpoints") == before


@pytest.mark.parametrize("name", ["", "ep_", "ep_aaaaaaaa", "x", "EP_SETTINGS", "ep_settings\n"])
def test_what_is_no_endpoint_is_not_found(desk: Desk, name: str) -> None:
    admin = desk.parts.endpoint_admin
    for work in (
        lambda: admin.show(name),
        lambda: admin.change(name, {}),
        lambda: admin.delete(name),
        lambda: admin.rotate(name, None),
        lambda: admin.test(name),
        lambda: desk.parts.replay.range(name, {"since": desk.clock.text}),
    ):
        assert refused(work) == ("endpoint_unknown", "", 404)


def test_what_was_removed_is_not_found(desk: Desk) -> None:
    new = desk.endpoint("new")
    desk.parts.endpoint_admin.delete(new)
    assert refused(lambda: desk.parts.endpoint_admin.show(new))[0] == "endpoint_unknown"
    assert desk.app.rows("endpoints") == []


def test_there_are_a_hundred_at_most(desk: Desk) -> None:
    for _ in range(100):
        new = Endpoint(ids.endpoint_id(), "https://a.example/", (Secret(b"x"),))
        desk.parts.endpoints.insert(new)
    assert refused(lambda: desk.endpoint("more")) == ("too_many_endpoints", "", 409)


def test_a_change_changes_what_was_given_and_no_more(desk: Desk) -> None:
    new = desk.endpoint("new", "mail.received", headers={"X-Key": "7"})
    before = desk.parts.endpoint_admin.show(new)
    after = desk.parts.endpoint_admin.change(new, {"description": "Other"})
    assert after == before | {"description": "Other"}
    assert desk.stored(new).headers == {"X-Key": "7"}


def test_another_url_begins_without_a_circuit_and_another_description_does_not(
    desk: Desk,
) -> None:
    new = desk.endpoint("new")
    circuit = Circuit(desk.clock.text, 3, instants.after(desk.clock(), 900))
    desk.app.edit("endpoints", "endpoint", new, probes=3, probe_at=circuit.probe_at)
    desk.app.edit("endpoints", "endpoint", new, failing_since=circuit.failing_since)
    desk.app.restart()
    desk.parts.endpoint_admin.change(new, {"description": "Other"})
    assert desk.stored(new).circuit == circuit
    desk.parts.endpoint_admin.change(new, {"url": desk.url("elsewhere")})
    assert desk.stored(new).circuit == Circuit()


def test_t21_headers_are_sent_and_cannot_take_the_place_of_ours(
    desk: Desk, account: Account
) -> None:
    desk.endpoint("new", headers={"Authorization": "Bearer x", "X-Tenant": "7"})
    desk.owe(account)
    desk.tick()
    headers = desk.came("new")[0]["headers"]
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer x", "7")
    assert "authorization" not in desk.came("settings")[0]["headers"]


# The settings' own


def test_the_settings_endpoint_is_neither_removed_nor_rotated(desk: Desk) -> None:
    admin = desk.parts.endpoint_admin
    for work in (
        lambda: admin.delete("ep_settings"),
        lambda: admin.rotate("ep_settings", None),
    ):
        assert refused(work) == ("endpoint_of_settings", "", 409)
    changed = refused(lambda: admin.change("ep_settings", {"url": desk.url("x")}))
    assert changed == ("field_invalid", "url", 400)


def test_the_settings_endpoint_can_be_disabled_and_enabled(desk: Desk, account: Account) -> None:
    desk.parts.endpoint_admin.change("ep_settings", {"enabled": False})
    desk.app.restart()
    desk.owe(account)
    desk.tick()
    assert desk.came("settings") == []
    desk.parts.endpoint_admin.change("ep_settings", {"enabled": True})
    desk.tick(seconds=1)
    assert len(desk.came("settings")) == 1
    assert desk.parts.endpoint_admin.show("ep_settings")["enabled"] is True


# Its secret


def verifies(desk: Desk, account: Account, secret: str) -> bool:
    """Whether the official library takes the next webhook for one of this secret."""
    desk.owe(account)
    desk.tick()
    webhook = desk.came("new")[-1]
    try:
        Webhook(secret).verify(webhook["raw"], webhook["headers"])
    except WebhookVerificationError:
        return False
    return True


def test_t19_both_secrets_sign_for_the_overlap_and_then_the_new_one(
    desk: Desk, account: Account
) -> None:
    admin = desk.parts.endpoint_admin
    made = admin.create({"url": desk.url("new")})
    old, foreign = made["secret"], "whsec_" + base64.b64encode(b"f" * 32).decode()
    assert verifies(desk, account, old) and not verifies(desk, account, foreign)
    rotated = admin.rotate(made["id"], {"overlap_seconds": 60})
    new = rotated["secret"]
    assert (rotated["secrets"], rotated["old_until"]) == (2, instants.after(desk.clock(), 60))
    found = [verifies(desk, account, secret) for secret in (old, new, foreign)]
    assert found == [True, True, False]
    desk.clock.forward(seconds=60)
    found = [verifies(desk, account, secret) for secret in (old, new, foreign)]
    assert found == [False, True, False]
    assert admin.show(made["id"])["secrets"] == 1


def test_t19_without_an_overlap_the_old_one_ends_at_once(desk: Desk, account: Account) -> None:
    made = desk.parts.endpoint_admin.create({"url": desk.url("new")})
    new = desk.parts.endpoint_admin.rotate(made["id"], {"overlap_seconds": 0})["secret"]
    assert verifies(desk, account, new) and not verifies(desk, account, made["secret"])


def test_t19_a_second_rotation_leaves_the_first_secret_its_time(
    desk: Desk, account: Account
) -> None:
    admin = desk.parts.endpoint_admin
    made = admin.create({"url": desk.url("new")})
    second = admin.rotate(made["id"], {"overlap_seconds": 60})["secret"]
    third = admin.rotate(made["id"], {"overlap_seconds": 600})["secret"]
    assert [verifies(desk, account, s) for s in (made["secret"], second, third)] == [True] * 3
    desk.clock.forward(seconds=60)
    found = [verifies(desk, account, s) for s in (made["secret"], second, third)]
    assert found == [False, True, True]


def test_rotations_that_overlap_have_a_bound(desk: Desk) -> None:
    admin, new = desk.parts.endpoint_admin, desk.endpoint("new")
    for _ in range(5):
        admin.rotate(new, None)
    assert refused(lambda: admin.rotate(new, None)) == ("too_many_secrets", "", 409)
    assert admin.rotate(new, {"overlap_seconds": 0})["secrets"] == 1


def test_the_overlap_is_a_day_where_nothing_is_said(desk: Desk) -> None:
    rotated = desk.parts.endpoint_admin.rotate(desk.endpoint("new"), None)
    assert rotated["old_until"] == instants.after(desk.clock(), 24 * 3600)


@pytest.mark.parametrize("seconds", [-1, 7 * 86400 + 1, "60", True, None, [], float("nan")])
def test_a_bad_overlap_is_named_and_rotates_nothing(desk: Desk, seconds: Any) -> None:
    new = desk.endpoint("new")
    before = desk.stored(new).secrets
    told = {"overlap_seconds": seconds}
    found = refused(lambda: desk.parts.endpoint_admin.rotate(new, told))
    assert found == ("field_invalid", "overlap_seconds", 400)
    assert desk.stored(new).secrets == before


# Its test


def test_a_test_tells_what_came_back_and_stores_nothing(desk: Desk) -> None:
    new = desk.endpoint("new", "mail.received", headers={"X-Key": "7"}, description="Orders")
    before = desk.app.rows("endpoints"), desk.app.rows("mailboxes"), desk.app.rows("accounts")
    told = desk.parts.endpoint_admin.test(new)
    assert (told["delivered"], told["status"], told["reason"]) == (True, 204, "")
    assert 0 <= told["seconds"] < 5
    (webhook,) = desk.came("new")
    assert webhook["headers"]["webhook-id"] == told["webhook_id"]
    assert webhook["headers"]["x-key"] == "7"
    assert webhook["body"]["type"] == events.ENDPOINT_TEST
    assert webhook["body"]["data"]["endpoint"] == {"id": new, "description": "Orders"}
    after = desk.app.rows("endpoints"), desk.app.rows("mailboxes"), desk.app.rows("accounts")
    assert after == before


def test_t19_a_test_is_signed_with_the_endpoints_secret(desk: Desk) -> None:
    made = desk.parts.endpoint_admin.create({"url": desk.url("new")})
    desk.parts.endpoint_admin.test(made["id"])
    webhook = desk.came("new")[0]
    Webhook(made["secret"]).verify(webhook["raw"], webhook["headers"])


def test_the_first_kilobyte_of_an_answer_is_shown_escaped(desk: Desk, serve: Serve) -> None:
    new = desk.endpoint("x", url=serve(b"<script>alert('1')</script>" + b"x" * 4000))
    told = desk.parts.endpoint_admin.test(new)
    assert (told["delivered"], told["status"], told["reason"]) == (False, 500, "refused")
    assert told["answer"].startswith("&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;xxx")
    assert told["answer"].count("x") < 1024 < len(told["answer"])


def test_a_test_of_an_endpoint_that_is_not_there_says_so(desk: Desk) -> None:
    desk.answer("new", {"kind": "reset"})
    told = desk.parts.endpoint_admin.test(desk.endpoint("new"))
    assert (told["delivered"], told["status"]) == (False, 0)
    assert (told["reason"], told["answer"]) == ("connection_failed", "")
