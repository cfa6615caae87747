"""Exchange's moods over a day: what each kind of refusal costs in sign-ins, told only once.

The clock is the test's; each account is tended to whenever it comes due.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared import instants
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.imap_proxy import Answer, ImapProxy, cut, says
from tests.lab.mails import made_up
from tests.lab.stepped_app import SteppedApp

type Day = Callable[[str, Answer], tuple[SteppedApp, str]]

DENIED = says("NO AUTHENTICATE failed.")
NOT_CONNECTED = says("BAD User is authenticated but not connected.", "BYE Connection closed. 14")
THROTTLED = says("NO Request is throttled. Suggested Backoff Time: 299910 milliseconds")
OVERLOADED = says("NO Server Unavailable. 15")
ODD_NAME = says("BAD Command Argument Error. 12")
DAY_SECONDS = 24 * 3600


@pytest.fixture
def a_day_of(start_app: StartApp, proxy: ImapProxy, address: str) -> Day:
    """Lets one account meet the same answer for a day."""

    def live(command: str, answer: Answer) -> tuple[SteppedApp, str]:
        clock = Clock()
        app = start_app(clock, IMAP_HOST=f"localhost:{proxy.port}", CHECK_INTERVAL_SECONDS="60")
        account = app.settled(address)
        proxy.commands.clear()
        proxy.on(command, answer)
        end = clock() + timedelta(seconds=DAY_SECONDS)
        while True:
            due = instants.parse(app.account(account.id).next_due_at)
            if due >= end:
                return app, account.id
            clock.forward(seconds=max((due - clock()).total_seconds(), 1))
            app.tick()

    return live


@pytest.mark.parametrize(
    ("command", "answer", "status", "code", "logins"),
    [
        ("AUTHENTICATE", DENIED, "blocked", "imap_denied", 30),
        ("STATUS", NOT_CONNECTED, "blocked", "mailbox_unavailable", 30),
        ("STATUS", ODD_NAME, "blocked", "folder_missing", 30),
        ("STATUS", OVERLOADED, "active", "", 200),
        ("STATUS", cut(), "active", "", 200),
        ("CONNECT", cut(), "active", "", 0),
    ],
    ids=["f14_denied", "f15_not_connected", "odd_name", "overloaded", "f17_cut", "f12_no_greeting"],
)
def test_a_day_of_one_refusal_costs_few_sign_ins_and_one_event(
    a_day_of: Day,
    proxy: ImapProxy,
    address: str,
    command: str,
    answer: Answer,
    status: str,
    code: str,
    logins: int,
) -> None:
    app, account_id = a_day_of(command, answer)
    account = app.account(account_id)
    assert (account.status, account.code) == (status, code)
    assert proxy.count("AUTHENTICATE") <= logins
    told = len(app.webhooks(address, "account.blocked"))
    assert told == (status == "blocked")
    assert not app.webhooks(address, "account.reconnect_required")
    proxy.behave()
    app.services.dovecot.deliver(address, made_up(address, "Later"))
    app.tick(instants.parse(account.next_due_at) + timedelta(minutes=1))
    app.tick(instants.parse(account.next_check_at) + timedelta(minutes=1))
    assert app.subjects(address) == ["Later"]
    assert len(app.webhooks(address, "account.restored")) == told


def test_f16_a_day_of_throttling_is_a_sign_in_at_each_back_off(
    a_day_of: Day, proxy: ImapProxy, address: str
) -> None:
    app, account_id = a_day_of("STATUS", THROTTLED)
    assert app.account(account_id).status == "active"
    assert proxy.count("AUTHENTICATE") <= 200


def test_f14_the_wait_of_a_blocked_account_grows_to_six_hours(
    a_day_of: Day, proxy: ImapProxy
) -> None:
    app, account_id = a_day_of("AUTHENTICATE", DENIED)
    assert proxy.count("AUTHENTICATE") < 20  # two for each try: one with a fresh token
    account = app.account(account_id)
    waits = instants.parse(account.next_check_at) - instants.parse(account.since)
    assert waits > timedelta(hours=20)
