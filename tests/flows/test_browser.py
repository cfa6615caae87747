"""The login in a real browser."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.lab.lab import Lab

_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_FLAGS, headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that is new; a script's error or a refusal of our CSP fails the test."""
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    # An answer of 400 is a complaint too, and so is the icon that every browser asks for.
    assert not [one for one in complaints if not one.startswith("Failed to load resource")]


def sign_in(lab: Lab, page: Page, address: str) -> None:
    """From our page over the account picker to consent."""
    lab.person(address)
    page.goto(lab.login_url)
    page.get_by_role("button", name="Continue to Microsoft").click()
    page.locator(f'button[value="{address}"]').click()


def test_from_the_account_picker_to_the_connected_page(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    page.locator("#accept").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your mailbox is connected"
    assert address in page.inner_text("main")
    lab.receiver.wait_for(1, address, "account.connected")


def test_a_reload_after_success_still_says_connected(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    page.locator("#accept").click()
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "Your mailbox is connected"


def test_cancelling_offers_to_start_again(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    page.locator("#cancel").click()
    assert page.get_by_role("heading", level=1).inner_text() == "You cancelled the sign-in"
    page.get_by_role("link", name="Start again").click()
    assert page.get_by_role("button", name="Continue to Microsoft").is_visible()


def test_it_works_without_script(lab: Lab, chromium: Browser, address: str) -> None:
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    sign_in(lab, page, address)
    page.locator("#accept").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your mailbox is connected"
    context.close()
