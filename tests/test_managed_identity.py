"""Tokens of a managed identity: asked for once, renewed in time, and what goes wrong."""

import itertools
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from shared.errors import TryAgain
from shared.managed_identity import ManagedIdentity
from tests.conftest import IDENTITY, StartIdentity
from tests.lab.identity_endpoint import IdentityEndpoint
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.log_lines import lines

_RESOURCE = "https://storage.azure.com/"
_DAY = 86_400


@pytest.fixture
def endpoint(identity: IdentityEndpoint) -> IdentityEndpoint:
    return identity


class Clock:
    """Seconds that a test lets pass; waiting lets them pass too."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(endpoint: IdentityEndpoint, clock: Clock) -> Iterator[ManagedIdentity]:
    made = ManagedIdentity(IDENTITY, _RESOURCE, clock, clock.wait)
    yield made
    made.close()


def test_the_endpoint_is_asked_for_the_identity_and_the_resource(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    assert tokens.token() == endpoint.given[0]
    asked = {"api-version": "2019-08-01", "resource": _RESOURCE, "client_id": IDENTITY}
    assert endpoint.asked == [asked]


def test_without_a_client_id_it_is_asked_for_the_system_assigned_one(
    start_identity: StartIdentity,
) -> None:
    endpoint = start_identity("")
    tokens = ManagedIdentity("", _RESOURCE)
    assert tokens.token() == endpoint.given[0]
    assert endpoint.asked == [{"api-version": "2019-08-01", "resource": _RESOURCE}]
    tokens.close()


def test_no_proxy_of_the_environment_hears_of_it(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert tokens.token() == endpoint.given[0]


# How often


def test_a_token_is_renewed_when_half_of_its_life_is_over(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    first = tokens.token()
    clock.now += _DAY / 2 - 10
    assert tokens.token() == first
    clock.now += 20
    assert tokens.token() == endpoint.given[1] != first
    assert len(endpoint.asked) == 2


def test_a_hundred_threads_at_once_ask_once(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    endpoint.answering.clear()
    together, got = threading.Barrier(101), []

    def ask() -> None:
        together.wait()
        got.append(tokens.token())

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    together.wait()
    wait_until(lambda: endpoint.asked)
    endpoint.answering.set()
    for thread in threads:
        thread.join(10)
    assert (len(endpoint.asked), set(got), len(got)) == (1, set(endpoint.given), 100)


def test_nobody_waits_for_a_renewal_while_the_token_is_good(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    first = tokens.token()
    clock.now += _DAY * 0.6
    endpoint.answering.clear()
    renewing = threading.Thread(target=tokens.token)
    renewing.start()
    wait_until(lambda: len(endpoint.asked) == 2)
    assert tokens.token() == first
    endpoint.answering.set()
    renewing.join(10)
    assert tokens.token() == endpoint.given[1]


def test_a_token_that_is_held_costs_nothing_worth_counting(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    tokens.token()
    began = time.thread_time()
    for _ in range(10_000):
        tokens.token()
    assert (time.thread_time() - began) / 10_000 < 20e-6
    assert len(endpoint.asked) == 1


# A token that the service refused


def test_a_refusal_leads_to_one_other_token_for_all(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    first = tokens.token()
    assert tokens.token(first) == endpoint.given[1]
    assert tokens.token(first) == tokens.token() == endpoint.given[1]
    assert len(endpoint.asked) == 2


def test_a_service_that_refuses_them_all_does_not_wear_the_endpoint_out(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    for _ in range(50):
        tokens.token(tokens.token())
        clock.now += 0.5
    assert len(endpoint.asked) <= 1 + 3


# What goes wrong


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_endpoint_that_is_busy_is_asked_again(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock, status: int
) -> None:
    endpoint.status = status
    with pytest.raises(TryAgain) as refused:
        tokens.token()
    assert str(refused.value) == f"identity_unavailable (HTTP {status})"
    assert (len(endpoint.asked), clock.waits) == (3, [0.2, 0.8])
    endpoint.status = 200
    clock.now += 2
    assert tokens.token() == endpoint.given[0]


@pytest.mark.parametrize(
    "body",
    [
        *("", "<html>canary</html>", "{}", "[]", "null", '"canary"', '{"access_token": "canary"}'),
        '{"access_token": "canary", "expires_on": "soon"}',
        '{"access_token": "can\\nary", "expires_on": "99999999999"}',
        '{"access_token": "can\u00e4ry", "expires_on": "99999999999"}',
        '{"access_token": ["canary"], "expires_on": "99999999999"}',
        '{"access_token": "canary", "expires_on": "1"}',
        '{"access_token": "canary", "expires_on": {}}',
    ],
)
def test_an_answer_that_is_no_token_is_a_passing_fault_and_not_logged(
    tokens: ManagedIdentity,
    endpoint: IdentityEndpoint,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    body: str,
) -> None:
    endpoint.body = body
    with caplog.at_level(logging.DEBUG), pytest.raises(TryAgain) as refused:
        tokens.token()
    assert str(refused.value) == "identity_unavailable (HTTP 200)"
    assert refused.value.__context__ is None
    assert "can" not in caplog.text and endpoint.environment["IDENTITY_HEADER"] not in caplog.text
    endpoint.body = None
    clock.now += 2
    assert tokens.token() == endpoint.given[-1]


def test_an_endpoint_that_is_not_there_is_a_passing_fault(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{free_port()}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    tokens = ManagedIdentity(IDENTITY, _RESOURCE, clock, clock.wait)
    with pytest.raises(TryAgain, match=r"identity_unavailable \(ConnectionError\)"):
        tokens.token()
    tokens.close()


def test_an_identity_that_is_not_there_is_refused_at_once(
    endpoint: IdentityEndpoint, clock: Clock
) -> None:
    tokens = ManagedIdentity("0b8f2f86-0000-4000-8000-000000000bad", _RESOURCE, clock, clock.wait)
    with pytest.raises(TryAgain, match=r"identity_refused \(HTTP 400\)"):
        tokens.token()
    assert (len(endpoint.asked), clock.waits) == (1, [])
    tokens.close()


def test_an_endpoint_that_says_nothing_is_not_waited_for_by_one_after_the_other(
    endpoint: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred threads that each waited for a time limit would wait for minutes."""
    monkeypatch.setattr("shared.managed_identity._TIMEOUT_SECONDS", (1, 3))
    tokens = ManagedIdentity(IDENTITY, _RESOURCE)
    endpoint.answering.clear()
    errors: list[str] = []

    def ask() -> None:
        try:
            tokens.token()
        except TryAgain as error:
            errors.append(str(error))

    for _ in range(100):
        threading.Thread(target=ask, daemon=True).start()
    wait_until(lambda: len(errors) == 100, 6)
    assert errors == ["identity_unavailable (ReadTimeout)"] * 100
    assert len(endpoint.asked) == 1
    tokens.close()


def test_a_good_token_outlives_an_endpoint_that_is_down(
    tokens: ManagedIdentity,
    endpoint: IdentityEndpoint,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Looked at each minute for a day: it is tried seldom, and nobody is told a fault."""
    first = tokens.token()
    endpoint.status = 500
    for _ in range(_DAY // 60 - 1):
        assert tokens.token() == first
        clock.now += 60
    told = [one for one in lines(caplog) if one["event"] == "identity_token_not_renewed"]
    assert 3 < len(told) < 20
    assert all((one["code"], one["held"]) == ("identity_unavailable", True) for one in told)
    clock.now += 120
    with pytest.raises(TryAgain, match=r"identity_unavailable \(HTTP 500\)"):
        tokens.token()
    assert first not in caplog.text
    endpoint.status = 200
    clock.now += 2
    assert tokens.token() == endpoint.given[-1] != first


def test_the_repr_has_no_token(tokens: ManagedIdentity) -> None:
    token = tokens.token()
    assert not [one for one in vars(tokens).values() if token in repr(one)]


@pytest.mark.parametrize("seconds", [2, 40, 3600])
def test_a_token_of_any_life_is_used_until_it_ends(
    tokens: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock, seconds: int
) -> None:
    endpoint.lifetime_seconds = seconds
    seen = set()
    for _ in itertools.repeat(None, 20):
        seen.add(tokens.token())
        clock.now += seconds / 10
    assert 2 <= len(seen) <= 5 and len(endpoint.asked) == len(seen)
