"""The app's circuit: our own secret is refused, and the accounts are left in peace."""

import logging
from datetime import datetime, timedelta

import pytest

from shared import instants
from shared.connector import Connector
from shared.errors import OperatorFault, ReconnectNeeded, TryAgain, UnseenError
from tests.lab.stepped_app import SteppedApp

_FAULT = OperatorFault("operator_credentials", "AADSTS7000222")


@pytest.fixture
def other(app: SteppedApp) -> Connector:
    """Another process on the same storage, which has asked before."""
    parts = Connector(app.parts.settings)
    parts.app_circuit.learn(parts.app_circuit.admit(instants.now()), None, instants.now())
    return parts


def opened(app: SteppedApp, now: datetime) -> None:
    """One refresh was refused."""
    circuit = app.parts.app_circuit
    circuit.learn(circuit.admit(now), _FAULT, now)


def is_held(parts: Connector, now: datetime) -> bool:
    try:
        parts.app_circuit.admit(now)
    except OperatorFault as error:
        assert (error.code, error.detail) == (_FAULT.code, _FAULT.detail)
        return True
    return False


def in_seconds(seconds: float) -> datetime:
    return instants.parse("2026-01-31T12:00:00Z") + timedelta(seconds=seconds)


def test_f5_one_refusal_holds_up_all_processes(app: SteppedApp, other: Connector) -> None:
    opened(app, in_seconds(0))
    assert is_held(app.parts, in_seconds(29))
    assert is_held(other, in_seconds(29))


def test_f5_one_probe_at_a_time_ever_more_seldom(app: SteppedApp, other: Connector) -> None:
    opened(app, in_seconds(0))
    at = 0
    for wait in (30, 60, 120, 240, 300, 300):
        assert is_held(app.parts, in_seconds(at + wait - 1))
        at += wait
        admission = app.parts.app_circuit.admit(in_seconds(at))
        assert is_held(other, in_seconds(at))
        app.parts.app_circuit.learn(admission, _FAULT, in_seconds(at))


@pytest.mark.parametrize(
    ("error", "heals"),
    [
        (None, True),
        (ReconnectNeeded("sign_in_again"), True),
        (TryAgain("microsoft_unavailable"), False),
        (OperatorFault("operator_registration"), False),
    ],
)
def test_f5_it_heals_when_microsoft_takes_our_secret(
    app: SteppedApp, other: Connector, error: UnseenError | None, heals: bool
) -> None:
    opened(app, in_seconds(0))
    circuit = app.parts.app_circuit
    circuit.learn(circuit.admit(in_seconds(30)), error, in_seconds(30))
    assert is_held(other, in_seconds(31)) is not heals


def test_f5_a_new_process_probes_at_once(app: SteppedApp) -> None:
    opened(app, in_seconds(0))
    app.restart()
    assert not is_held(app.parts, in_seconds(1))
    assert is_held(app.parts, in_seconds(2))


@pytest.mark.parametrize("code", ["operator_registration", "unknown_encryption_key"])
def test_another_fault_of_ours_stops_nobody_else(app: SteppedApp, code: str) -> None:
    circuit = app.parts.app_circuit
    circuit.learn(circuit.admit(in_seconds(0)), OperatorFault(code), in_seconds(0))
    assert not is_held(app.parts, in_seconds(1))


def test_f5_health_and_log_have_the_alarm(
    app: SteppedApp, caplog: pytest.LogCaptureFixture
) -> None:
    opened(app, in_seconds(0))
    details = app.parts.health_details.report(in_seconds(1))
    (problem,) = details["problems"]
    assert (problem["code"], problem["since"]) == ("operator_credentials", "2026-01-31T12:00:00Z")
    assert app.parts.health.report(in_seconds(1))["status"] == "degraded"
    assert [one.levelno for one in caplog.records] == [logging.ERROR]
    app.parts.app_circuit.learn(app.parts.app_circuit.admit(in_seconds(30)), None, in_seconds(30))
    assert app.parts.health.report(in_seconds(31))["status"] == "ok"


def test_f5_many_accounts_make_one_request_and_none_changes_state(
    app: SteppedApp, address: str
) -> None:
    names = [f"{number}.{address}" for number in range(3)]
    accounts = [app.settled(name) for name in names]
    microsoft = app.services.microsoft
    opened(app, instants.now())
    for name in names:
        microsoft.expire_access_tokens(name)
    before = len(microsoft.records())
    app.tick()
    assert len(microsoft.records()) == before
    for account in accounts:
        found = app.account(account.id)
        assert (found.status, found.code, found.failures) == ("active", "", 0)
        assert found.next_check_at < instants.after(instants.now(), 180)
