"""Lanes: several endpoints in one round, each for itself."""

import socket
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from shared.account_rows import Account
from shared.ledger import Ledger
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.raw_server import RawServer
from tests.lab.receiver.client import Webhook
from tests.lab.services import Services
from tests.lab.waiting import wait_until


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


@pytest.fixture
def account(desk: Desk, account_id: str) -> Account:
    return desk.account(account_id)


def test_every_endpoint_gets_one_webhook(desk: Desk, account: Account) -> None:
    desk.endpoint("second")
    desk.endpoint("third", "account.blocked")
    desk.endpoint("other-types", "mail.received")
    (event,) = desk.owe(account)
    desk.tick()
    for name in ("settings", "second", "third"):
        assert desk.sent_ids(name) == [event.webhook_id]
    assert desk.came("other-types") == []


def test_what_one_did_not_take_is_not_sent_to_the_others_again(
    desk: Desk, account: Account
) -> None:
    failing = desk.endpoint("failing")
    desk.answer("failing", {"status": 500})
    desk.owe(account, 2)
    desk.tick()
    desk.tick(seconds=5)
    desk.tick(minutes=5)
    assert len(desk.came("settings")) == 2
    assert len(desk.came("failing")) > 2
    assert desk.states(account, "ep_settings") == ["done"] * 2
    assert desk.states(account, failing) == ["owed"] * 2


def test_each_signs_with_its_own_secret(desk: Desk, account: Account) -> None:
    desk.endpoint("second")
    desk.owe(account)
    desk.tick()
    assert desk.came("settings")[0]["verified"]
    assert not desk.came("second")[0]["verified"]


def test_a_slow_endpoint_does_not_delay_a_healthy_one(desk: Desk, account: Account) -> None:
    desk.endpoint("healthy")
    desk.answer("settings", {"seconds": 0.5})
    desk.owe(account, 3)
    desk.tick()
    slow, healthy = desk.came("settings"), desk.came("healthy")
    assert len(slow) == len(healthy) == 3
    assert arrived(healthy[-1]) < arrived(slow[-1])


def test_f47_what_the_others_took_is_written_down_before_a_slow_endpoint_has_answered(
    desk: Desk, account: Account
) -> None:
    healthy = desk.endpoint("healthy")
    desk.answer("settings", {"seconds": 4.5})
    desk.owe(account, 2)
    run = threading.Thread(target=desk.tick)
    run.start()
    wait_until(lambda: desk.states(account, healthy) == ["done"] * 2, 20)
    assert desk.states(account, "ep_settings") == ["owed"] * 2
    assert run.is_alive()
    run.join()
    assert desk.states(account, "ep_settings") == ["done"] * 2


def arrived(webhook: Webhook) -> datetime:
    return datetime.fromisoformat(webhook["received_at"])


def test_what_a_slow_endpoint_has_no_time_for_uses_no_attempt(desk: Desk, account: Account) -> None:
    slow = desk.endpoint("slow")
    desk.answer("slow", {"seconds": 0.4})
    owed = desk.owe(account, 5)
    kept = desk.deliver(account, owed, seconds=0.6)
    assert desk.states(account, "ep_settings") == ["done"] * 5
    untried = [one for one in kept if one.endpoints[slow].attempts == 0]
    assert len(untried) >= 3
    assert all(one.endpoints[slow].next == desk.clock.text for one in untried)


def test_what_is_left_keeps_the_account_due(desk: Desk, account: Account) -> None:
    desk.owe(account, 2)
    desk.deliver(account, [], seconds=-1)
    assert desk.app.account(account.id).next_due_at <= desk.clock.text
    desk.tick()
    assert desk.states(account, "ep_settings") == ["done"] * 2


# How many at once


class Crowded:
    """An endpoint that counts how many are with it at once, and lets nobody go for a moment."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._too_many = threading.Event()
        self.server = RawServer(self._talk)

    def _talk(self, sock: socket.socket) -> None:
        while sock.recv(65_536):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
                if self._now > 8:
                    self._too_many.set()
            self._too_many.wait(0.3)
            with self._lock:
                self._now -= 1
            sock.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            return


@pytest.fixture
def crowded() -> Iterator[Crowded]:
    found = Crowded()
    yield found
    found.server.close()


def test_at_most_eight_are_sent_to_an_endpoint_at_once(desk: Desk, crowded: Crowded) -> None:
    endpoint = desk.endpoint("x", url=f"http://localhost:{crowded.server.port}/")
    desk.parts.endpoint_admin.change("ep_settings", {"enabled": False})
    accounts = [desk.account(f"acc_{letter * 26}") for letter in "abcdefghijkl"]
    owed = [desk.owe(one) for one in accounts]
    runs = [
        threading.Thread(target=desk.deliver, args=(one, events))
        for one, events in zip(accounts, owed, strict=True)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert crowded.most == 8
    assert {desk.deliveries(one, endpoint)[0][0] for one in accounts} == {"done"}


# Whose events


def takers(desk: Desk, account: Account) -> set[str]:
    ledger = Ledger(desk.parts.outbox, desk.parts.endpoints, account)
    return {one.id for one in ledger.takers("mail.received", "INBOX")}


def test_an_account_has_its_own_endpoints_in_addition_or_instead(
    desk: Desk, account: Account
) -> None:
    mine = desk.endpoint("mine", all_accounts=False)
    assert takers(desk, account) == {"ep_settings"}
    desk.parts.directory.change(account.id, {"endpoints": [mine]})
    assert takers(desk, desk.app.account(account.id)) == {"ep_settings", mine}
    desk.parts.directory.change(account.id, {"common_endpoints": False})
    assert takers(desk, desk.app.account(account.id)) == {mine}


def test_an_accounts_reference_and_labels_choose(desk: Desk, account_id: str) -> None:
    account = desk.account(account_id, reference="shop-7", labels=("vip",))
    yes = desk.endpoint("yes", filter={"reference": "shop-7", "labels": ["vip", "x"]})
    desk.endpoint("no", filter={"reference": "shop-7", "labels": "x"})
    assert takers(desk, account) == {"ep_settings", yes}


def test_deleting_an_endpoint_ends_its_deliveries_and_kills_none(
    desk: Desk, account: Account
) -> None:
    leaving = desk.endpoint("leaving")
    desk.answer("leaving", {"status": 500})
    desk.owe(account, 2)
    desk.tick()
    desk.parts.endpoint_admin.delete(leaving)
    desk.tick(seconds=10)
    assert desk.states(account, leaving) == ["done"] * 2
    now = desk.app.account(account.id)
    assert (now.owed, now.dead) == (0, 0)
    assert len(desk.came("leaving")) == 2
