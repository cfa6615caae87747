"""Tokens of a tenant: one for all of its mailboxes, asked for by one at a time."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from shared import instants
from shared.connector import Connector
from shared.errors import Blocked, OperatorFault, TryAgain
from shared.token_store import TENANT
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(start_app: StartApp, clock: Clock) -> SteppedApp:
    return start_app(clock=clock)


@pytest.fixture
def tid(services: Services) -> str:
    """A tenant whose administrator has consented."""
    made = str(uuid.uuid4())
    services.microsoft.consent_app(made)
    return made


def requests(app: SteppedApp, tid: str) -> int:
    return sum(one["tenant"] == tid for one in app.services.microsoft.records())


def another(app: SteppedApp) -> Connector:
    """The parts as another process has them."""
    return Connector(app.parts.settings)


@pytest.mark.parametrize("force", [False, True])
def test_many_at_once_are_one_request(app: SteppedApp, tid: str, force: bool) -> None:
    with ThreadPoolExecutor(16) as pool:
        got = [
            pool.submit(app.parts.tenant_tokens.token, tid, instants.now(), force=force)
            for _ in range(16)
        ]
        tokens = {one.result().access_token for one in got}
    assert len(tokens) == 1 and requests(app, tid) == 1


def test_another_process_takes_it_from_the_table(app: SteppedApp, tid: str) -> None:
    first = app.parts.tenant_tokens.token(tid, instants.now())
    second = another(app).tenant_tokens.token(tid, instants.now())
    assert first.access_token == second.access_token and requests(app, tid) == 1


def test_a_refused_token_is_replaced_and_a_fresh_one_is_not(
    app: SteppedApp, clock: Clock, tid: str
) -> None:
    tokens = app.parts.tenant_tokens
    first = tokens.token(tid, clock())
    clock.forward(seconds=61)
    second = tokens.token(tid, clock(), force=True)
    assert second.access_token != first.access_token
    assert tokens.token(tid, clock(), force=True).access_token == second.access_token
    assert requests(app, tid) == 2
    assert app.rows("tokens")[0]["rt_version"] == 2


def test_what_is_asked_for_in_any_case_is_new(app: SteppedApp, tid: str) -> None:
    first = app.parts.tenant_tokens.token(tid, instants.now())
    assert app.parts.tenant_tokens.ask(tid, instants.now()).access_token != first.access_token


def test_f2_a_token_with_some_time_left_is_kept_where_microsoft_does_not_answer(
    app: SteppedApp, tid: str
) -> None:
    app.parts.tenant_tokens.token(tid, instants.now())
    app.services.microsoft.next_answers("token", *({"kind": "status", "status": 503},) * 2)
    soon = instants.now() + timedelta(minutes=45)
    assert another(app).tenant_tokens.token(tid, soon).access_token
    with pytest.raises(TryAgain, match="microsoft_unavailable"):
        another(app).tenant_tokens.token(tid, soon + timedelta(minutes=10))


def test_f1_the_servers_delay_is_passed_on(app: SteppedApp, tid: str) -> None:
    throttled = {"kind": "status", "status": 429, "retry_after": 77}
    app.services.microsoft.next_answers("token", throttled)
    with pytest.raises(TryAgain) as refused:
        app.parts.tenant_tokens.token(tid, instants.now())
    assert refused.value.retry_after_seconds == 77
    assert app.parts.tenant_tokens.token(tid, instants.now())  # no throttle of our own


@pytest.mark.parametrize(
    ("error", "number", "code"),
    [
        ("unauthorized_client", 700016, "app_not_consented"),
        ("unauthorized_client", 7000112, "app_not_consented"),
        ("invalid_grant", 65001, "app_not_consented"),
        ("invalid_resource", 500011, "app_not_consented"),
        ("invalid_request", 90002, "tenant_unknown"),
        ("invalid_grant", 53003, "policy_refused"),
    ],
)
def test_what_the_tenants_administrator_can_mend_blocks(
    app: SteppedApp, tid: str, error: str, number: int, code: str
) -> None:
    fault = {"kind": "error", "error": error, "code": number}
    app.services.microsoft.next_answers("token", fault)
    with pytest.raises(Blocked) as refused:
        app.parts.tenant_tokens.token(tid, instants.now())
    assert refused.value.code == code


@pytest.mark.parametrize("number", [7000215, 7000222])
def test_f5_a_secret_that_ended_is_the_operators(app: SteppedApp, tid: str, number: int) -> None:
    fault = {"kind": "error", "error": "invalid_client", "code": number}
    app.services.microsoft.next_answers("token", fault)
    with pytest.raises(OperatorFault, match="operator_credentials"):
        app.parts.tenant_tokens.token(tid, instants.now())


def test_t11_its_row_has_no_token_and_opens_for_no_other_tenant(app: SteppedApp, tid: str) -> None:
    token = app.parts.tenant_tokens.token(tid, instants.now())
    (row,) = app.parts.tables.query("tokens", ("PartitionKey", "eq", TENANT))
    assert token.access_token.encode() not in b"".join(
        value for value in row.values() if isinstance(value, bytes)
    )
    other = str(uuid.uuid4())
    app.parts.tables.put("tokens", {**row, "RowKey": other})
    with pytest.raises(OperatorFault, match="sealed_data_damaged"):
        app.parts.tenant_tokens.token(other, instants.now())


def test_t12_a_tenants_row_is_sealed_anew_and_read_again(app: SteppedApp, tid: str) -> None:
    app.parts.tenant_tokens.token(tid, instants.now())
    rotated = (("new", b"n" * 32), *app.parts.settings.encryption_keys)
    parts = Connector(replace(app.parts.settings, encryption_keys=rotated))
    assert parts.reencrypt.run(None)["reencrypted"] == 1
    newest = Connector(replace(app.parts.settings, encryption_keys=rotated[:1]))
    assert newest.tokens.get(TENANT, tid)


def test_a_consent_that_nobody_gave_is_purged_after_seven_days(
    app: SteppedApp, clock: Clock, tid: str
) -> None:
    app.parts.consents.open(tid, clock())
    clock.forward(days=6.9)
    app.tick()
    assert len(app.rows("once", PartitionKey="consent")) == 1
    clock.forward(days=0.2)
    app.tick()
    assert app.rows("once", PartitionKey="consent") == []
