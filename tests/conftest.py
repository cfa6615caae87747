"""The lab for all tests: services once, hosts and storage as each test needs them."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from shared import ids, instants
from shared.connector import Connector
from shared.imap_wire import Server
from tests.lab.app_host import AppHost
from tests.lab.azurite import next_account
from tests.lab.certificates import Authority
from tests.lab.http_proxy import TableProxy
from tests.lab.identity_endpoint import ISSUER, IdentityEndpoint
from tests.lab.imap_proxy import ImapProxy
from tests.lab.lab import Lab
from tests.lab.ports import free_port
from tests.lab.scripted_imap import Answer, ScriptedImap
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.mailbox import Mailbox

if TYPE_CHECKING:  # it is made of what is here
    from tests.moving import Moving

TOLD = "told"  # what a test has to say in the summary, as `record_property(TOLD, …)`

type StartLab = Callable[..., Lab]
type StartApp = Callable[..., SteppedApp]
type StartScripted = Callable[..., ScriptedImap]
type StartIdentity = Callable[..., IdentityEndpoint]

# A managed identity: its client id, and its own id, which is what others trust.
IDENTITY = "0b8f2f86-0000-4000-8000-0000000001d3"
SUBJECT = "9c2e7b54-0000-4000-8000-00000000005b"

_people = itertools.count(1)
_OPEN_REDIRECTS = Path(__file__).parents[2] / "shared/corpora/open-redirects.txt"

# How long an example takes says how busy the machine is; bounds on work have tests of their own.
hypothesis.settings.register_profile("unseen", deadline=None)
hypothesis.settings.load_profile("unseen")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Azurite, NotMicrosoft, Dovecot and the receiver, one of each for the whole run."""
    running = Services(tmp_path_factory.mktemp("services"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def lab(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The app on its host, its timer every half second; for tests that don't stop it."""
    host = AppHost(
        services,
        tmp_path_factory.mktemp("lab"),
        storage_account=next_account(),
        beat_seconds=0.5,
    )
    host.start()
    yield Lab(services, host)
    host.stop()


@pytest.fixture
def mailbox(lab: Lab, address: str) -> Mailbox:
    """A mailbox that is connected at the shared host."""
    return Mailbox(lab, address)


@pytest.fixture
def start_lab(services: Services, tmp_path: Path) -> Iterator[StartLab]:
    """Starts hosts with storage of their own, for tests that stop them or set them otherwise.

    Options are those of `AppHost`.
    """
    hosts: list[AppHost] = []

    def start(**options: object) -> Lab:
        folder = tmp_path / f"host{len(hosts)}"
        options = {"storage_account": next_account()} | options
        hosts.append(AppHost(services, folder, **options))  # type: ignore[arg-type]
        hosts[-1].start()
        return Lab(services, hosts[-1])

    yield start
    for host in hosts:
        host.kill()


@pytest.fixture
def start_app(services: Services, tmp_path: Path) -> Iterator[StartApp]:
    """Makes apps in this process, with storage of their own; arguments are settings."""
    apps: list[SteppedApp] = []

    def start(clock: instants.Clock = instants.now, **settings: str) -> SteppedApp:
        apps.append(SteppedApp(services, tmp_path, settings, clock))
        return apps[-1]

    yield start
    for app in apps:
        app.close()


@pytest.fixture
def moving(start_app: StartApp, services: Services) -> Iterator["Moving"]:
    """Accounts in one shard, to be moved to sixteen."""
    from tests.moving import Moving

    made = Moving(start_app, services)
    yield made
    made.close()


@pytest.fixture
def app(start_app: StartApp) -> SteppedApp:
    """One app in this process, with the lab's usual settings."""
    return start_app()


@pytest.fixture
def closed_app(start_app: StartApp) -> SteppedApp:
    """An app in this process that nobody gets into without an invitation."""
    return start_app(OPEN_CONNECT="false")


@pytest.fixture(scope="session")
def shared_app(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SteppedApp]:
    """An app on storage that many tests share: each has an `account_id` of its own."""
    running = SteppedApp(services, tmp_path_factory.mktemp("shared_app"))
    yield running
    running.close()


@pytest.fixture
def parts(shared_app: SteppedApp) -> Connector:
    """The parts of the shared app."""
    return shared_app.parts


@pytest.fixture
def account_id() -> str:
    """The id of an account that no other test uses."""
    return ids.account_id("tid", str(next(_people)), "")


@pytest.fixture(scope="session")
def open_redirects() -> list[str]:
    """URLs that a return URL must never be, where the corpora are beside the project."""
    if not _OPEN_REDIRECTS.exists():
        pytest.skip("the list of open-redirect payloads is not beside this copy of the project")
    found = [line for line in _OPEN_REDIRECTS.read_text().splitlines() if line]
    assert len(found) > 500
    return found


@pytest.fixture
def lossy(services: Services) -> Iterator[TableProxy]:
    """A proxy before new storage, for apps with `STORAGE=lossy.connection_string`."""
    running = TableProxy(services.azurite, next_account())
    yield running
    running.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate for localhost that only those trust who are given its `ca_file`."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start_identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartIdentity]:
    """Starts the platform's endpoint, which is in the environment then as the platform has it.

    MSAL looks for it there, whatever the settings of an app in this process say.
    """
    running: list[IdentityEndpoint] = []

    def start(client_id: str = IDENTITY, issuer: str = ISSUER) -> IdentityEndpoint:
        running.append(IdentityEndpoint(client_id, SUBJECT, issuer))
        for name, value in running[-1].environment.items():
            monkeypatch.setenv(name, value)
        return running[-1]

    yield start
    for endpoint in running:
        endpoint.close()


@pytest.fixture
def identity(start_identity: StartIdentity) -> IdentityEndpoint:
    """The endpoint, with one user-assigned identity that NotMicrosoft may trust."""
    return start_identity()


@pytest.fixture
def script(authority: Authority) -> Iterator[StartScripted]:
    """Starts servers with answers by command; see `ScriptedImap`."""
    servers: list[ScriptedImap] = []

    def start(**answers: Answer) -> ScriptedImap:
        servers.append(ScriptedImap(authority, answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def trusted(authority: Authority) -> Callable[[int], Server]:
    """What trusts a server on that port of localhost, and knows nothing of it yet."""
    return lambda port: Server.trusting("localhost", port, str(authority.ca_file))


@pytest.fixture
def proxy(services: Services) -> Iterator[ImapProxy]:
    """A proxy before Dovecot, for apps with `IMAP_HOST=f"localhost:{proxy.port}"`."""
    running = ImapProxy(free_port(), services.dovecot.port, services.ca_file.parent)
    yield running
    running.close()


@pytest.fixture
def proxied(start_app: StartApp, proxy: ImapProxy) -> StartApp:
    """Makes apps that come to their mail server through the proxy."""
    return lambda **settings: start_app(IMAP_HOST=f"localhost:{proxy.port}", **settings)


@pytest.fixture
def address() -> str:
    """A personal address that no other test uses."""
    return f"person{next(_people)}@outlook.example"


@pytest.fixture(autouse=True)
def _as_it_should_be(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test made the services do ends with the test."""
    yield
    if "services" in request.fixturenames:
        services = request.getfixturevalue("services")
        services.microsoft.reset()
        services.submission.reset()
        services.receiver.answer()
        services.receiver.forget()
    if "lab" in request.fixturenames:
        # What stays connected is looked at twice a second.
        host = request.getfixturevalue("lab").host
        for account in host.api("GET", "accounts?limit=200").json()["accounts"]:
            host.api("DELETE", f"accounts/{account['id']}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests had to say, also where they ran in other processes."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == TOLD and report.when == "call":
                    terminalreporter.write_line(str(value))
