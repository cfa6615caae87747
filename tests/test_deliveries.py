"""Deliveries as the API lists them: dead letters of all accounts, the rest of one."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared import events, pages_of
from shared.account_rows import Account
from shared.errors import Rejected
from shared.outbox_rows import Delivery, Event
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.raw_server import RawServer
from tests.lab.services import Services


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


@pytest.fixture
def account(desk: Desk, account_id: str) -> Account:
    return desk.account(account_id)


def dead(desk: Desk, account: Account, count: int = 1) -> list[Event]:
    """Events whose time is over at the next tick."""
    old = Delivery("owed", 9, desk.clock.text, 500, since="2020-01-01T00:00:00Z")
    return desk.owe(account, count, endpoints={"ep_settings": old})


def listed(desk: Desk, **query: str) -> list[str]:
    """The webhook ids of all pages, as a caller goes through them."""
    found: list[str] = []
    cursor = ""
    while True:
        page = desk.parts.deliveries.page(query | {"cursor": cursor})
        found += [one["webhook_id"] for one in page["deliveries"]]
        cursor = page["cursor"]
        if not cursor:
            return found


def test_f37_a_dead_letter_is_shown_with_what_happened(desk: Desk, account: Account) -> None:
    desk.answer("settings", {"status": 503})
    last = Delivery("owed", 9, desk.clock.text, 500)
    (event,) = desk.owe(account, endpoints={"ep_settings": last})
    desk.tick()
    (shown,) = desk.parts.deliveries.page({})["deliveries"]
    assert shown["webhook_id"] == event.webhook_id
    assert (shown["type"], shown["state"]) == ("account.blocked", "dead")
    assert (shown["account"], shown["recorded_at"]) == (account.id, event.recorded_at)
    (delivery,) = shown["endpoints"]
    assert (delivery["id"], delivery["state"]) == ("ep_settings", "dead")
    assert (delivery["attempts"], delivery["last_status"]) == (10, 503)
    assert delivery["next_at"] is None


@pytest.fixture
def rude() -> Iterator[str]:
    """An endpoint whose answers are no text to be shown as they are; its URL."""
    body = b"<b>No & never</b>" + b"x" * 1000

    def talk(sock: socket.socket) -> None:
        sock.recv(65_536)
        sock.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        sock.shutdown(socket.SHUT_WR)

    server = RawServer(talk)
    yield f"http://localhost:{server.port}/"
    server.close()


def test_the_first_bytes_of_the_last_answer_are_shown_escaped(
    desk: Desk, account: Account, rude: str
) -> None:
    endpoint = desk.endpoint("rude", url=rude)
    last = Delivery("owed", 9, desk.clock.text, 500)
    desk.owe(account, endpoints={endpoint: last})
    desk.tick()
    (shown,) = desk.parts.deliveries.page({})["deliveries"]
    answer = shown["endpoints"][0]["last_answer"]
    assert answer.startswith("&lt;b&gt;No &amp; never&lt;/b&gt;xxx")
    assert 200 < len(answer) < 400
    assert "never" not in json.dumps([str(row) for row in desk.app.rows("mailboxes")])


@pytest.mark.parametrize("shards", ["1", "16"])
@pytest.mark.parametrize("limit", ["1", "2", "4", "200"])
def test_pages_go_over_rows_and_accounts_and_shards(
    start_app: StartApp, services: Services, shards: str, limit: str
) -> None:
    desk = Desk(start_app, services, SHARDS=shards)
    made = []
    for letter in "abc":
        made += dead(desk, desk.account(f"acc_{letter * 26}"), 3)
    desk.account("acc_" + "d" * 26)
    desk.tick()
    found = listed(desk, limit=limit)
    assert sorted(found) == sorted(one.webhook_id for one in made)
    pages = desk.parts.deliveries.page({"limit": limit})["deliveries"]
    assert len(pages) == min(int(limit), 9)


def test_dead_letters_of_one_account_alone(desk: Desk) -> None:
    first, second = desk.account("acc_" + "a" * 26), desk.account("acc_" + "b" * 26)
    (event,) = dead(desk, first)
    dead(desk, second)
    desk.tick()
    assert listed(desk, account=first.id) == [event.webhook_id]


def test_what_is_owed_and_done_is_listed_of_one_account(desk: Desk, account: Account) -> None:
    desk.answer("settings", {"status": 500, "times": 1})
    owed, *done = desk.owe(account, 3)
    desk.tick()
    assert listed(desk, state="owed", account=account.id) == [owed.webhook_id]
    found = listed(desk, state="done", account=account.id, limit="1")
    assert found == [one.webhook_id for one in done]
    (shown,) = desk.parts.deliveries.page({"state": "owed", "account": account.id})["deliveries"]
    assert shown["endpoints"][0]["next_at"] > desk.clock.text


def test_of_what_is_done_the_latest_days_can_be_asked_for(desk: Desk, account: Account) -> None:
    begun = desk.clock.text
    (old,) = desk.owe(account)
    desk.tick()
    desk.clock.forward(days=2)
    (new,) = desk.owe(account)
    desk.tick()
    asked = {"state": "done", "account": account.id}
    assert listed(desk, **asked, since=desk.clock.text) == [new.webhook_id]
    assert listed(desk, **asked, since=begun) == [old.webhook_id, new.webhook_id]


@pytest.mark.parametrize(
    ("state", "since"),
    [("done", "yesterday"), ("done", "2026-01-31"), ("owed", "2026-01-31T12:00:00Z")],
)
def test_a_bad_since_is_named(desk: Desk, account: Account, state: str, since: str) -> None:
    with pytest.raises(Rejected) as caught:
        desk.parts.deliveries.page({"state": state, "account": account.id, "since": since})
    assert (caught.value.code, caught.value.detail) == ("field_invalid", "since")


def test_an_event_that_is_dead_at_one_endpoint_and_owed_at_another_is_shown_as_dead(
    desk: Desk, account: Account
) -> None:
    other = desk.endpoint("other")
    desk.answer("settings", {"status": 500})
    desk.answer("other", {"status": 500})
    last = Delivery("owed", 9, desk.clock.text, 500)
    told = {"ep_settings": last, other: Delivery(next=desk.clock.text)}
    (event,) = desk.owe(account, endpoints=told)
    desk.tick()
    # The account's row learns of it when its outbox is read.
    assert listed(desk) == [event.webhook_id]


def test_systems_dead_letters_are_shown_too(desk: Desk) -> None:
    event = events.endpoint_disabled(
        "system", "ep_aaaaaaaa", "", "endpoint_gone", "then", desk.clock.text
    )
    old = {"ep_settings": Delivery(next=desk.clock.text, since="2020-01-01T00:00:00Z")}
    desk.parts.system.tell(replace(event, endpoints=old))
    desk.tick()
    assert listed(desk) == listed(desk, account="system") == [event.webhook_id]


@pytest.mark.parametrize("state", ["owed", "done"])
def test_other_states_need_an_account(desk: Desk, state: str) -> None:
    assert bad(desk, state=state) == "account"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"state": "DEAD"}, "state"),
        ({"account": "x"}, "account"),
        ({"account": "acc_" + "a" * 25 + "'"}, "account"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "!"}, "cursor"),
        ({"cursor": pages_of.cursor("acc", "a/b")}, "cursor"),
    ],
)
def test_a_bad_query_is_named(desk: Desk, query: dict[str, str], field: str) -> None:
    assert bad(desk, **query) == field


def bad(desk: Desk, **query: str) -> str:
    with pytest.raises(Rejected) as caught:
        desk.parts.deliveries.page(query)
    assert (caught.value.code, caught.value.status) == ("field_invalid", 400)
    return caught.value.detail


def test_a_cursor_of_something_that_is_gone_goes_on_behind_it(desk: Desk) -> None:
    for letter in "ac":
        dead(desk, desk.account(f"acc_{letter * 26}"))
    desk.tick()
    cursor = pages_of.cursor("acc_" + "b" * 26, "dead:000000000009")
    (shown,) = desk.parts.deliveries.page({"cursor": cursor})["deliveries"]
    assert shown["account"] == "acc_" + "c" * 26
