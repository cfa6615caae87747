"""The app on storage that it comes to as a managed identity, without a key: Azurite with tokens."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared import doctor, settings
from shared.connector import Connector
from shared.errors import TryAgain
from shared.findings import Examination
from shared.managed_identity import ManagedIdentity
from shared.tables import Insert, Tables
from tests.conftest import IDENTITY, StartIdentity
from tests.lab.app_host import AppHost
from tests.lab.azurite import Azurite, next_account
from tests.lab.identity_endpoint import ISSUER, STORAGE_ISSUER, IdentityEndpoint
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.raw_server import RawServer
from tests.lab.services import Services
from tests.lab.waiting import wait_until

_RESOURCE = "https://storage.azure.com/"
_TABLE = "things"

type Serve = Callable[..., Tables]


@pytest.fixture(scope="module")
def azurite(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Over https, open to tokens besides keys; of a token it checks all but signature and role."""
    folder = tmp_path_factory.mktemp("storage")
    running = Azurite(folder, authority=services.authority)
    running.wait()
    yield running
    running.stop()


@pytest.fixture
def endpoint(start_identity: StartIdentity) -> IdentityEndpoint:
    """The platform's endpoint, with tokens that storage takes."""
    return start_identity(issuer=STORAGE_ISSUER)


@pytest.fixture
def store(azurite: Azurite, services: Services, endpoint: IdentityEndpoint) -> Iterator[Tables]:
    """Tables of an account of their own, which nobody has made yet."""
    identity = ManagedIdentity(IDENTITY, _RESOURCE)
    tables = Tables(
        azurite.url("table", next_account()), ca_file=str(services.ca_file), token=identity.token
    )
    yield tables
    tables.close()
    identity.close()


# Rows


def test_tables_are_made_and_rows_written_and_read_without_a_key(
    store: Tables, endpoint: IdentityEndpoint
) -> None:
    rows: list[dict[str, str | int]] = [
        {"PartitionKey": "o'clock é", "RowKey": key, "n": 1} for key in "abc"
    ]
    assert store.get(_TABLE, "o'clock é", "a") is None
    first, *_ = store.transact(_TABLE, [Insert(row) for row in rows])
    store.update(_TABLE, rows[0] | {"n": 2}, first)
    store.put(_TABLE, rows[1] | {"n": 3})
    store.delete(_TABLE, "o'clock é", "c")
    found = store.query(_TABLE, ("PartitionKey", "eq", "o'clock é"))
    assert [row["n"] for row in found] == [2, 3]
    store.put("another", rows[0])
    assert abs(store.server_time().year - 2026) < 50
    asked = {"api-version": "2019-08-01", "resource": _RESOURCE, "client_id": IDENTITY}
    assert endpoint.asked == [asked]


def test_a_hundred_threads_at_once_ask_for_one_token(
    store: Tables, endpoint: IdentityEndpoint
) -> None:
    together = threading.Barrier(100)

    def put(number: int) -> None:
        together.wait()
        store.put(_TABLE, {"PartitionKey": "a", "RowKey": f"{number:03d}"})

    threads = [threading.Thread(target=put, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(store.query(_TABLE, ("PartitionKey", "eq", "a"))) == 100
    assert len(endpoint.asked) == 1


def test_a_token_that_ended_unnoticed_is_replaced(
    store: Tables, endpoint: IdentityEndpoint
) -> None:
    """Azurite says 403 AuthenticationFailed of it, Azure 401."""
    endpoint.ended = True
    with pytest.raises(TryAgain, match=r"storage_denied \(HTTP 403, AuthenticationFailed\)"):
        store.put(_TABLE, {"PartitionKey": "a", "RowKey": "a"})
    asked = len(endpoint.asked)
    assert asked == 2  # and not once more for each request
    with pytest.raises(TryAgain, match="storage_denied"):
        store.put(_TABLE, {"PartitionKey": "a", "RowKey": "a"})
    assert len(endpoint.asked) == asked


def test_one_refusal_is_not_noticed_by_anybody(store: Tables, endpoint: IdentityEndpoint) -> None:
    """The first token has ended by the time it is used, the next one is good."""
    endpoint.ended = True
    endpoint.then = lambda: setattr(endpoint, "ended", False)
    store.put(_TABLE, {"PartitionKey": "a", "RowKey": "a"})
    assert store.get(_TABLE, "a", "a") is not None
    assert len(endpoint.asked) == 2


# Services that are none of Azurite's


@pytest.fixture
def serve(endpoint: IdentityEndpoint) -> Iterator[Serve]:
    """Makes tables of a service that answers each request with the next of these, the last again.

    Each answer: status, and the service's word for it. tokens: takes those that came.
    """
    opened: list[tuple[RawServer, Tables, ManagedIdentity]] = []

    def start(*answers: tuple[int, str], tokens: list[str] | None = None) -> Tables:
        left = list(answers)

        def talk(sock: socket.socket) -> None:
            head = sock.recv(65_536).decode()
            version = head.partition("x-ms-version: ")[2].partition("\r\n")[0]
            assert version >= "2020-12-06", "tables take tokens from that version on"
            if tokens is not None:
                tokens.append(head.partition("Authorization: Bearer ")[2].partition("\r\n")[0])
            status, code = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps({"odata.error": {"code": code}} if code else {"value": []})
            sock.sendall(
                f"HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Type: application/json"
                f"\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )

        server, identity = RawServer(talk), ManagedIdentity(IDENTITY, _RESOURCE)
        url = f"http://127.0.0.1:{server.port}/lab"
        opened.append(
            (server, Tables(url, wait=lambda seconds: None, token=identity.token), identity)
        )
        return opened[-1][1]

    yield start
    for server, tables, identity in opened:
        server.close()
        tables.close()
        identity.close()


def ask(tables: Tables) -> object:
    return tables.query(_TABLE, ("PartitionKey", "eq", "a"))


def test_a_401_leads_to_one_new_token_and_the_request_goes_on(
    serve: Serve, endpoint: IdentityEndpoint
) -> None:
    tokens: list[str] = []
    tables = serve((401, "InvalidAuthenticationInfo"), (200, ""), tokens=tokens)
    assert ask(tables) == ask(tables) == []
    assert tokens == [endpoint.given[0], endpoint.given[1], endpoint.given[1]]


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (401, "InvalidAuthenticationInfo", 2),
        (403, "AuthenticationFailed", 2),
        (403, "AuthorizationPermissionMismatch", 1),
        (403, "AuthorizationFailure", 1),
        (403, "KeyBasedAuthenticationNotPermitted", 1),
    ],
)
def test_storage_that_does_not_let_us_in_is_told_as_what_it_is(
    serve: Serve, endpoint: IdentityEndpoint, status: int, code: str, asked: int
) -> None:
    """A role that is missing is no reason for another token."""
    tables = serve((status, code))
    for _ in range(3):
        with pytest.raises(TryAgain) as denied:
            ask(tables)
        assert str(denied.value) == f"storage_denied (HTTP {status}, {code})"
    assert "Storage Table Data Contributor" in denied.value.entry.operator
    assert len(endpoint.asked) == asked


def test_a_word_that_is_none_of_the_services_is_not_repeated(serve: Serve) -> None:
    with pytest.raises(TryAgain) as denied:
        ask(serve((403, "canary <html> ada@example.com")))
    assert str(denied.value) == "storage_denied (HTTP 403)"


def test_an_endpoint_that_is_down_is_a_passing_fault_of_its_own(
    serve: Serve, endpoint: IdentityEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    tokens: list[str] = []
    tables = serve((200, ""), tokens=tokens)
    endpoint.status = 429
    with caplog.at_level(logging.DEBUG), pytest.raises(TryAgain, match="identity_unavailable"):
        ask(tables)
    assert (tokens, len(endpoint.asked)) == ([], 3)
    assert "identity_token_not_renewed" in caplog.text
    assert endpoint.environment["IDENTITY_HEADER"] not in caplog.text


# The doctor and health


@pytest.fixture
def environment(
    services: Services,
    azurite: Azurite,
    endpoint: IdentityEndpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """The settings of an app that comes to all of its storage as an identity."""
    # What the lab's own tools go by, which have the key.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(services.ca_file))
    host = AppHost(services, tmp_path)
    account = next_account()
    found = host.settings | endpoint.environment | by_identity(azurite, account)
    return {name: value for name, value in found.items() if value}


def by_identity(azurite: Azurite, account: int) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": "",
        "AzureWebJobsStorage__queueServiceUri": azurite.url("queue", account),
        "AzureWebJobsStorage__tableServiceUri": azurite.url("table", account),
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": IDENTITY,
    }


def storage_findings(environment: dict[str, str]) -> list[tuple[str, str, str]]:
    """State, code and detail of the doctor's two steps for storage."""
    found: Examination = doctor.examine(environment)
    assert "eyJ" not in str(found.findings)
    steps = {one.step: one for one in found.findings}
    both = (steps["storage: tables"], steps["storage: queues"])
    return [(one.state, one.code, one.detail) for one in both]


def test_the_doctor_says_that_all_is_well_and_which_way_it_came(
    environment: dict[str, str],
) -> None:
    well = f"read and written as managed identity {IDENTITY}"
    assert storage_findings(environment) == [("ok", "", well)] * 2


def test_the_doctor_finds_the_endpoint_down(
    environment: dict[str, str], endpoint: IdentityEndpoint
) -> None:
    endpoint.status = 500
    wrong = ("wrong", "identity_unavailable", "HTTP 500")
    assert storage_findings(environment) == [wrong] * 2


def test_the_doctor_finds_an_identity_that_is_not_there(environment: dict[str, str]) -> None:
    another = environment | {"AzureWebJobsStorage__clientId": IDENTITY.replace("1d3", "bad")}
    assert storage_findings(another) == [("wrong", "identity_refused", "HTTP 400")] * 2


def test_the_doctor_finds_an_identity_of_another_tenant(
    environment: dict[str, str], start_identity: StartIdentity
) -> None:
    environment |= start_identity(issuer=ISSUER).environment
    wrong = ("wrong", "storage_denied", "HTTP 403, AuthenticationFailed")
    assert storage_findings(environment) == [wrong] * 2


def test_the_doctor_finds_a_role_that_is_missing(environment: dict[str, str]) -> None:
    body = json.dumps({"odata.error": {"code": "AuthorizationPermissionMismatch"}})

    def talk(sock: socket.socket) -> None:
        sock.recv(65_536)
        sock.sendall(
            "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"
            "x-ms-error-code: AuthorizationPermissionMismatch\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    server = RawServer(talk)
    environment["STORAGE"] = f"http://127.0.0.1:{server.port}/lab"
    tables, queues = storage_findings(environment)
    server.close()
    assert tables == ("wrong", "storage_denied", "HTTP 403, AuthorizationPermissionMismatch")
    assert queues[0] == "ok"


def test_health_names_what_keeps_us_out_and_the_way(
    environment: dict[str, str], endpoint: IdentityEndpoint
) -> None:
    parts = Connector(settings.read(environment))
    assert parts.health_details.report(parts.now())["storage_access"] == "managed_identity"
    parts.tables.close()
    endpoint.status = 500
    parts = Connector(settings.read(environment))
    report = parts.health_details.report(parts.now())
    assert report["storage"] == "identity_unavailable"
    assert "identity_unavailable" in [one["code"] for one in report["problems"]]
    parts.tables.close()
    parts.microsoft.close()


# The app


def beside(endpoint: IdentityEndpoint) -> dict[str, str]:
    """The endpoint's environment, its host written as no address that the guard knows.

    Where the platform's endpoint is on a loopback address, no webhook goes to any: the lab's
    receiver would get none.
    """
    return {name: one.replace("127.0.0.1", "127.1") for name, one in endpoint.environment.items()}


def test_the_app_does_its_whole_job_without_a_key(
    services: Services,
    azurite: Azurite,
    endpoint: IdentityEndpoint,
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the login to the webhook, with tokens that end every three seconds."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(services.ca_file))
    endpoint.lifetime_seconds = 4
    account = next_account()
    host = AppHost(
        services,
        tmp_path,
        azurite=azurite,
        storage_account=account,
        apart=True,
        beat_seconds=0.5,
        settings=by_identity(azurite, account) | beside(endpoint),
    )
    host.start()
    try:
        assert "AccountKey" not in Path(f"/proc/{host.pid}/environ").read_text()
        lab = Lab(services, host)
        lab.connected(address)
        for number, subject in enumerate(("one", "two", "three"), 1):
            lab.mail(address, made_up(address, subject))
            lab.check(address)
            lab.receiver.wait_for(number, address)
        details = host.api("GET", "health/details").json()
        assert (details["storage"], details["storage_access"]) == ("ok", "managed_identity")
        wait_until(lambda: len(endpoint.given) > 2)
        said = host.log()
        assert not [one for one in endpoint.given if one in said]
        assert endpoint.environment["IDENTITY_HEADER"] not in said
    finally:
        host.kill()


def test_an_idle_tick_costs_no_request_more(
    environment: dict[str, str], endpoint: IdentityEndpoint, services: Services
) -> None:
    """Each tick asks the tables as often as with a key, and the endpoint not at all."""
    parts = Connector(settings.read(environment))
    parts.enqueue.enqueue(parts.now())
    asked = len(endpoint.asked)
    for _ in range(5):
        parts.enqueue.enqueue(parts.now())
    assert asked == len(endpoint.asked) == 1
    parts.tables.close()
