"""A real browser for the flows that end in one."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from shared import instants
from tests.lab import chromium as lab_chromium
from tests.lab import dead_letters, sample_accounts
from tests.lab.app_host import AppHost
from tests.lab.azurite import next_account
from tests.lab.dashboard_page import DashboardPage
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.ports import free_port
from tests.lab.services import Services

_MANY = 1000
REAL = "real@outlook.example"  # the one of them that has a mailbox, mail and a dead letter

expect.set_options(timeout=20_000)  # what a busy machine may need


@pytest.fixture(scope="module")  # while it lives, its thread can run no event loop of its own
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with lab_chromium.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def example_port() -> int:
    """Where an application of examples/ listens."""
    return free_port()


@pytest.fixture(scope="module")
def example_lab(
    services: Services, tmp_path_factory: pytest.TempPathFactory, example_port: int
) -> Iterator[Lab]:
    """A host of their own for the tests of an example, to which browsers may return."""
    host = AppHost(
        services,
        tmp_path_factory.mktemp("example"),
        storage_account=next_account(),
        beat_seconds=0.5,
        settings={"RETURN_URLS": f"http://localhost:{example_port}"},
    )
    host.start()
    yield Lab(services, host)
    host.kill()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that is new, for any number of tabs.

    A script's error, a refusal of our CSP or a request to anybody but us and Microsoft (all on
    localhost) fails the test.
    """
    context = chromium.new_context(ignore_https_errors=True)
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    asked: set[str | None] = set()
    context.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    yield context
    context.close()
    # An answer of 400 is a complaint too, and so is the icon that every browser asks for.
    assert not [one for one in complaints if not one.startswith("Failed to load resource")]
    assert asked == {"localhost"}


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Its first tab."""
    return context.new_page()


@pytest.fixture
def dashboard(lab: Lab, page: Page) -> DashboardPage:
    """The shared host's, not opened yet."""
    return DashboardPage(lab, page)


@pytest.fixture(scope="module")
def many(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A host with 1,000 accounts in every state; its timer rests, since most are rows only."""
    host = AppHost(services, tmp_path_factory.mktemp("many"), storage_account=next_account())
    host.start()
    lab = Lab(services, host)
    lab.connected(REAL)
    lab.mail(REAL, made_up(REAL, "Hello"))
    lab.check(REAL)
    dead_letters.make(lab, REAL)
    with lab.parts() as parts:
        sample_accounts.write(parts.tables, _MANY - 1, instants.now())
    yield lab
    host.kill()
