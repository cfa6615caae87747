"""Tokens of a managed identity: asked for once, renewed in time, and what goes wrong."""

import itertools
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from shared.errors import TryAgain
from shared.managed_identity import ManagedIdentity
from tests.lab.identity_endpoint import IdentityEndpoint
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.log_lines import lines

_CLIENT_ID = "0b8f2f86-0000-4000-8000-0000000001d3"
_RESOURCE = "https://storage.azure.com/"
_DAY = 86_400


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    """The platform's endpoint, in the environment as the platform puts it there."""
    running = IdentityEndpoint(_CLIENT_ID, "subject")
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.close()


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
def identity(endpoint: IdentityEndpoint, clock: Clock) -> Iterator[ManagedIdentity]:
    made = ManagedIdentity(_CLIENT_ID, _RESOURCE, clock, clock.wait)
    yield made
    made.close()


def test_the_endpoint_is_asked_for_the_identity_and_the_resource(
    identity: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    assert identity.token() == endpoint.given[0]
    asked = {"api-version": "2019-08-01", "resource": _RESOURCE, "client_id": _CLIENT_ID}
    assert endpoint.asked == [asked]


def test_without_a_client_id_it_is_asked_for_the_system_assigned_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = IdentityEndpoint("", "subject")
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    identity = ManagedIdentity("", _RESOURCE)
    assert identity.token() == running.given[0]
    assert running.asked == [{"api-version": "2019-08-01", "resource": _RESOURCE}]
    identity.close()
    running.close()


def test_no_proxy_of_the_environment_hears_of_it(
    identity: ManagedIdentity, endpoint: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert identity.token() == endpoint.given[0]


# How often


def test_a_token_is_renewed_when_half_of_its_life_is_over(
    identity: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    first = identity.token()
    clock.now += _DAY / 2 - 10
    assert identity.token() == first
    clock.now += 20
    assert identity.token() == endpoint.given[1] != first
    assert len(endpoint.asked) == 2


def test_a_hundred_threads_at_once_ask_once(
    identity: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    endpoint.answering.clear()
    together, got = threading.Barrier(101), []

    def ask() -> None:
        together.wait()
        got.append(identity.token())

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
    identity: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    first = identity.token()
    clock.now += _DAY * 0.6
    endpoint.answering.clear()
    renewing = threading.Thread(target=identity.token)
    renewing.start()
    wait_until(lambda: len(endpoint.asked) == 2)
    assert identity.token() == first
    endpoint.answering.set()
    renewing.join(10)
    assert identity.token() == endpoint.given[1]


def test_a_token_that_is_held_costs_nothing_worth_counting(
    identity: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    identity.token()
    began = time.perf_counter()
    for _ in range(10_000):
        identity.token()
    assert (time.perf_counter() - began) / 10_000 < 20e-6
    assert len(endpoint.asked) == 1


# A token that the service refused


def test_a_refusal_leads_to_one_other_token_for_all(
    identity: ManagedIdentity, endpoint: IdentityEndpoint
) -> None:
    first = identity.token()
    assert identity.token(first) == endpoint.given[1]
    assert identity.token(first) == identity.token() == endpoint.given[1]
    assert len(endpoint.asked) == 2


def test_a_service_that_refuses_them_all_does_not_wear_the_endpoint_out(
    identity: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock
) -> None:
    for _ in range(50):
        identity.token(identity.token())
        clock.now += 0.5
    assert len(endpoint.asked) <= 1 + 3


# What goes wrong


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_endpoint_that_is_busy_is_asked_again(
    identity: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock, status: int
) -> None:
    endpoint.status = status
    with pytest.raises(TryAgain) as refused:
        identity.token()
    assert str(refused.value) == f"identity_unavailable (HTTP {status})"
    assert (len(endpoint.asked), clock.waits) == (3, [0.2, 0.8])
    endpoint.status = 200
    clock.now += 2
    assert identity.token() == endpoint.given[0]


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
    identity: ManagedIdentity,
    endpoint: IdentityEndpoint,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    body: str,
) -> None:
    endpoint.body = body
    with caplog.at_level(logging.DEBUG), pytest.raises(TryAgain) as refused:
        identity.token()
    assert str(refused.value) == "identity_unavailable (HTTP 200)"
    assert refused.value.__context__ is None
    assert "can" not in caplog.text and endpoint.environment["IDENTITY_HEADER"] not in caplog.text
    endpoint.body = None
    clock.now += 2
    assert identity.token() == endpoint.given[-1]


def test_an_endpoint_that_is_not_there_is_a_passing_fault(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{free_port()}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    identity = ManagedIdentity(_CLIENT_ID, _RESOURCE, clock, clock.wait)
    with pytest.raises(TryAgain, match=r"identity_unavailable \(ConnectionError\)"):
        identity.token()
    identity.close()


def test_an_identity_that_is_not_there_is_refused_at_once(
    endpoint: IdentityEndpoint, clock: Clock
) -> None:
    identity = ManagedIdentity("0b8f2f86-0000-4000-8000-000000000bad", _RESOURCE, clock, clock.wait)
    with pytest.raises(TryAgain, match=r"identity_refused \(HTTP 400\)"):
        identity.token()
    assert (len(endpoint.asked), clock.waits) == (1, [])
    identity.close()


def test_an_endpoint_that_says_nothing_is_not_waited_for_by_one_after_the_other(
    endpoint: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred threads that each waited for a time limit would wait for minutes."""
    monkeypatch.setattr("shared.managed_identity._TIMEOUT_SECONDS", (1, 3))
    identity = ManagedIdentity(_CLIENT_ID, _RESOURCE)
    endpoint.answering.clear()
    errors: list[str] = []

    def ask() -> None:
        try:
            identity.token()
        except TryAgain as error:
            errors.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - began < 6
    assert errors == ["identity_unavailable (ReadTimeout)"] * 100
    assert len(endpoint.asked) == 1
    identity.close()


def test_a_good_token_outlives_an_endpoint_that_is_down(
    identity: ManagedIdentity,
    endpoint: IdentityEndpoint,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Looked at each minute for a day: it is tried seldom, and nobody is told a fault."""
    first = identity.token()
    endpoint.status = 500
    for _ in range(_DAY // 60 - 1):
        assert identity.token() == first
        clock.now += 60
    told = [one for one in lines(caplog) if one["event"] == "identity_token_not_renewed"]
    assert 3 < len(told) < 20
    assert all((one["code"], one["held"]) == ("identity_unavailable", True) for one in told)
    clock.now += 120
    with pytest.raises(TryAgain, match=r"identity_unavailable \(HTTP 500\)"):
        identity.token()
    assert first not in caplog.text
    endpoint.status = 200
    clock.now += 2
    assert identity.token() == endpoint.given[-1] != first


def test_the_repr_has_no_token(identity: ManagedIdentity) -> None:
    token = identity.token()
    assert not [one for one in vars(identity).values() if token in repr(one)]


@pytest.mark.parametrize("seconds", [1, 40, 3600])
def test_a_token_of_any_life_is_used_until_it_ends(
    identity: ManagedIdentity, endpoint: IdentityEndpoint, clock: Clock, seconds: int
) -> None:
    endpoint.lifetime_seconds = seconds
    seen = set()
    for _ in itertools.repeat(None, 20):
        seen.add(identity.token())
        clock.now += seconds / 10
    assert 2 <= len(seen) <= 5 and len(endpoint.asked) == len(seen)
