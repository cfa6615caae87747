"""F51: clocks of two processes that are ten minutes off; what one stores, the other can use."""

from datetime import timedelta

import pytest

from shared import instants
from shared.connector import Connector
from tests.conftest import StartApp
from tests.lab.stepped_app import SteppedApp


@pytest.mark.parametrize("minutes", [-10, 10])
def test_f51_a_wrong_clock_neither_loses_a_sign_in_nor_polls_with_an_old_token(
    start_app: StartApp, address: str, minutes: int
) -> None:
    """The other process's clock is right; Microsoft's too."""
    offset = timedelta(minutes=minutes)
    app = start_app(clock=lambda: instants.now() + offset)
    account = app.settled(address)
    right = Connector(app.parts.settings)
    microsoft = app.services.microsoft
    for parts, now in ((app.parts, instants.now() + offset), (right, instants.now())) * 2:
        microsoft.expire_access_tokens(address)
        found = parts.renewal.token(account, now, force=True)
        left = found.expires_at - now
        assert timedelta(minutes=55) < left <= timedelta(minutes=61)
    assert app.account(account.id).status == "active"
    outcomes = [one["outcome"] for one in microsoft.records(address)]
    assert outcomes == ["ok"] * 5
    right.tables.close()
    right.microsoft.close()


@pytest.mark.parametrize("minutes", [-10, 10])
def test_f51_mail_arrives_though_the_clock_is_wrong(
    start_app: StartApp, address: str, minutes: int
) -> None:
    offset = timedelta(minutes=minutes)
    app: SteppedApp = start_app(clock=lambda: instants.now() + offset)
    app.connected(address)
    app.services.microsoft.expire_access_tokens(address)
    app.put(address, "Hello")
    app.tick(instants.now() + offset + timedelta(seconds=60))
    assert app.subjects(address) == ["Hello"]
    assert app.services.microsoft.records(address)[-1]["outcome"] == "ok"
