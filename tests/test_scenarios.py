"""A mail server that misbehaves once: the neighbours are served, and every mail arrives once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy
from tests.lab.ports import free_port
from tests.lab.scenarios import GREETINGS, SCENARIOS, be_exchange, meet
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp


@dataclass(frozen=True)
class Course:
    """How often a mail had arrived after the first run of its batch and at last, and how its
    account stood then."""

    at_first: int
    at_last: int
    status: str
    failures: int


@pytest.fixture(autouse=True, scope="module")
def _short_runs() -> Iterator[None]:
    """A mailbox has six seconds of a run, not 170."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.tend.DEADLINE_SECONDS", 16)
        yield


def owners(app: SteppedApp, names: Iterable[str]) -> dict[str, str]:
    """The address of a new account for each name, with a mail that waits."""
    found = {name: f"{name.replace('_', '-').partition('@')[0]}@outlook.example" for name in names}
    for address in found.values():
        app.settled(address)
        app.put(address, address)
    return found


def arrived(app: SteppedApp, address: str) -> int:
    return app.subjects(address).count(address)


@pytest.fixture(scope="module")
def courses(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Course]]:
    """All scenarios in one batch, each met by a mailbox of its own, beside one that meets none."""
    proxy = ImapProxy(free_port(), services.dovecot.port, services.ca_file.parent)
    settings = {"IMAP_HOST": f"localhost:{proxy.port}"}
    app = SteppedApp(services, tmp_path_factory.mktemp("scenarios"), settings)
    addresses = owners(app, [*SCENARIOS, "healthy"])
    for name, scenario in SCENARIOS.items():
        meet(proxy, scenario, addresses[name])
    assert app.tick_in(60) == 1
    first = {name: arrived(app, address) for name, address in addresses.items()}
    for minutes in (10, 40):
        app.tick_in(minutes * 60)
    rows = {row["address"]: row for row in app.rows("accounts")}
    yield {
        name: Course(
            first[name], arrived(app, address), rows[address]["status"], rows[address]["failures"]
        )
        for name, address in addresses.items()
    }
    app.close()
    proxy.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_one_mailbox_meets_passes_and_its_mail_arrives_once(
    courses: dict[str, Course], name: str
) -> None:
    assert courses[name] == Course(int(SCENARIOS[name].harmless), 1, "active", 0)


def test_the_mailbox_beside_them_all_is_served_in_time(courses: dict[str, Course]) -> None:
    assert courses["healthy"] == Course(1, 1, "active", 0)


@pytest.mark.parametrize("name", GREETINGS)
def test_of_two_mailboxes_one_meets_a_greeting_that_is_none(
    proxied: StartApp, proxy: ImapProxy, address: str, name: str
) -> None:
    app = proxied()
    addresses = owners(app, (f"one.{address}", f"other.{address}")).values()
    meet(proxy, GREETINGS[name])
    app.tick_in(60)
    assert sum(arrived(app, one) for one in addresses) == 1
    app.tick_in(600)
    assert [arrived(app, one) for one in addresses] == [1, 1]


def test_exchanges_greeting_and_capabilities_are_enough(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    (owner,) = owners(app, [address]).values()
    be_exchange(proxy)
    app.tick_in(60)
    assert arrived(app, owner) == 1
