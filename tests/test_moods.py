"""Exchange's moods for hours: few sign-ins, told only once; `make soak` has whole days of each."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared import instants
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.imap_proxy import ImapProxy
from tests.lab.moods import MOODS, live
from tests.lab.stepped_app import SteppedApp

type Hours = Callable[[str, float], tuple[SteppedApp, str]]

_DAY = 24
_SHORT = {"f14_denied": _DAY, "f15_not_connected": 4, "odd_name": 4}


@pytest.fixture
def hours_of(start_app: StartApp, proxy: ImapProxy, address: str) -> Hours:
    """Lets one account meet a mood for so many hours."""

    def lived(name: str, hours: float) -> tuple[SteppedApp, str]:
        clock = Clock()
        app = start_app(clock, IMAP_HOST=f"localhost:{proxy.port}", CHECK_INTERVAL_SECONDS="60")
        return app, live(app, clock.later, proxy, address, MOODS[name], hours)

    return lived


@pytest.mark.parametrize("name", MOODS)
def test_a_mood_costs_few_sign_ins_and_one_event_and_ends_by_itself(
    hours_of: Hours, proxy: ImapProxy, address: str, name: str
) -> None:
    mood, hours = MOODS[name], _SHORT.get(name, 1)
    app, account_id = hours_of(name, hours)
    account = app.account(account_id)
    assert (account.status, account.code) == (mood.status, mood.code)
    assert proxy.count("AUTHENTICATE") <= mood.sign_ins * hours / _DAY + 8
    if name == "f14_denied":  # the wait grows to six hours
        assert proxy.count("AUTHENTICATE") < 20  # two for each try: one with a fresh token
        waits = instants.parse(account.next_check_at) - instants.parse(account.since)
        assert waits > timedelta(hours=20)
    told = len(app.webhooks(address, "account.blocked"))
    assert told == bool(mood.code)
    assert not app.webhooks(address, "account.reconnect_required")
    proxy.behave()
    app.put(address, "Later")
    app.tick(instants.parse(account.next_due_at) + timedelta(minutes=1))
    app.tick(instants.parse(account.next_check_at) + timedelta(minutes=1))
    assert app.subjects(address) == ["Later"]
    assert len(app.webhooks(address, "account.restored")) == told
