"""The login in a real browser: no dead end, nothing that our policy refuses, nobody else asked."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import StartLab
from tests.flows.browsing import heading, press, sign_in
from tests.lab.imap_proxy import ImapProxy, cut
from tests.lab.lab import Lab
from tests.lab.services import Services


def starts_again(page: Page, code: str) -> None:
    """The page says that code and leads back to the beginning."""
    assert page.locator(".code code").inner_text() == code
    press(page.get_by_role("link", name="Start again"))
    assert page.get_by_role("button", name="Continue to Microsoft").is_visible()


def invitation(lab: Lab, **body: str) -> str:
    """The link of a new invitation."""
    return str(lab.host.api("POST", "invitations", json=body).json()["url"])


def test_from_the_account_picker_to_the_connected_page(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    assert heading(page) == "Your mailbox is connected"
    assert address in page.inner_text("main")
    lab.receiver.wait_for(1, address, "account.connected")


def test_a_reload_after_success_still_says_connected(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    page.reload()
    assert heading(page) == "Your mailbox is connected"


def test_cancelling_offers_to_start_again(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    press(page.locator("#cancel"))
    assert heading(page) == "You cancelled the sign-in"
    starts_again(page, "cancelled")


def test_it_works_without_script(lab: Lab, chromium: Browser, address: str) -> None:
    context = chromium.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    assert heading(page) == "Your mailbox is connected"
    context.close()


# Ways that people go


def test_two_tabs_at_once_connect_a_mailbox_each(
    lab: Lab, context: BrowserContext, page: Page, address: str
) -> None:
    other = context.new_page()
    second = f"second.{address}"
    sign_in(lab, page, address)
    sign_in(lab, other, second)
    for tab, whose in ((page, address), (other, second)):
        press(tab.locator("#accept"))
        assert (heading(tab), whose in tab.inner_text("main")) == (
            "Your mailbox is connected",
            True,
        )


def test_the_back_button_leads_to_pages_that_go_on(lab: Lab, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    page.goto(lab.login_url)
    page.go_back()
    assert heading(page) == "Your mailbox is connected"
    page.go_forward()
    press(page.get_by_role("button", name="Continue to Microsoft"))
    page.go_back()
    press(page.get_by_role("button", name="Continue to Microsoft"))
    press(page.locator(f'button[value="{address}"]'))
    assert heading(page) == "Your mailbox is connected"


def test_a_reload_of_the_callback_says_already_connected(
    lab: Lab, page: Page, address: str
) -> None:
    callback = the_callback(lab, page)
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    page.goto(callback[0])
    assert heading(page) == "This mailbox is already connected"
    page.reload()
    assert heading(page) == "This mailbox is already connected"


def test_a_reload_of_the_callback_after_cancelling_says_so_again(
    lab: Lab, page: Page, address: str
) -> None:
    sign_in(lab, page, address)
    press(page.locator("#cancel"))
    page.reload()
    assert heading(page) == "You cancelled the sign-in"
    starts_again(page, "cancelled")


def the_callback(lab: Lab, page: Page) -> list[str]:
    """Where the callback's address will be found, with code and state."""
    found: list[str] = []
    prefix = f"{lab.host.base_url}/api/callback"
    page.on("request", lambda one: found.append(one.url) if one.url.startswith(prefix) else None)
    return found


def test_a_lost_cookie_is_said(lab: Lab, context: BrowserContext, page: Page, address: str) -> None:
    sign_in(lab, page, address)
    context.clear_cookies()
    press(page.locator("#accept"))
    assert heading(page) == "Please use the same browser"
    starts_again(page, "login_cookie_missing")


def test_a_form_whose_cookie_is_lost_starts_again(
    lab: Lab, context: BrowserContext, page: Page
) -> None:
    page.goto(lab.login_url)
    context.clear_cookies()
    press(page.get_by_role("button", name="Continue to Microsoft"))
    starts_again(page, "form_refused")


def test_a_sign_in_that_took_too_long_is_said(
    start_lab: StartLab, page: Page, address: str
) -> None:
    lab = start_lab()  # no timer, which would purge the row
    sign_in(lab, page, address)
    for row in lab.rows("once", PartitionKey="login"):
        lab.edit("once", "login", row["RowKey"], expires_at="2020-01-01T00:00:00Z")
    press(page.locator("#accept"))
    assert heading(page) == "This sign-in has expired"
    starts_again(page, "login_expired")


def test_a_mail_server_that_is_away_is_said_and_a_look_again_finds_it(
    start_lab: StartLab, proxy: ImapProxy, page: Page, address: str
) -> None:
    lab = start_lab(beat_seconds=0.2, settings={"IMAP_HOST": f"localhost:{proxy.port}"})
    proxy.on("CONNECT", cut())
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    assert heading(page) == "Signed in, still checking"
    row = lab.wait_for_account(address, failures=1, claim="", status="active")
    press(page.get_by_role("link", name="Look again"))
    assert heading(page) == "Signed in, still checking"
    proxy.behave()
    past = "2020-01-01T00:00:00Z"
    lab.edit("accounts", row["PartitionKey"], row["RowKey"], next_due_at=past, next_check_at=past)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    lab.wait_for_account(address, failures=0, claim="")
    press(page.get_by_role("link", name="Look again"))
    assert heading(page) == "Your mailbox is connected"


def test_a_mailbox_that_refuses_says_how_to_go_on(lab: Lab, page: Page, address: str) -> None:
    real = f"real.{address}"
    lab.person(address, owns_mailbox=False, mailboxes=(real,))
    sign_in(lab, page, address)
    press(page.locator("#accept"))
    assert heading(page) == "Signed in, but the mailbox can\u2019t be read"
    page.get_by_label("Is your mailbox under another address?").fill(real)
    press(page.get_by_role("button", name="Use this address"))
    assert (heading(page), real in page.inner_text("main")) == ("Your mailbox is connected", True)


def test_a_mailbox_that_opens_at_last_leads_back_to_the_application(
    start_lab: StartLab, services: Services, page: Page, address: str
) -> None:
    application = services.receiver.url
    lab = start_lab(settings={"RETURN_URLS": application})
    lab.person(address, owns_mailbox=False)
    sign_in(lab, page, address, invitation(lab, return_url=f"{application}/received"))
    press(page.locator("#accept"))
    assert heading(page) == "Signed in, but the mailbox can\u2019t be read"
    lab.person(address, owns_mailbox=True)
    press(page.get_by_role("button", name="Check again"))
    assert page.url.startswith(f"{application}/received?status=connected&")


def test_the_wrong_account_is_said_and_the_right_one_picked_after_that(
    lab: Lab, page: Page, address: str
) -> None:
    other = f"other.{address}"
    lab.person(address)
    link = invitation(lab, expected_address=address)
    lab.person(other)
    page.goto(link)
    press(page.get_by_role("button", name="Continue to Microsoft"))
    page.get_by_placeholder("Another account").fill(other)
    press(page.get_by_role("button", name="Next"))
    press(page.locator("#accept"))
    assert heading(page) == "The mailbox was not connected"
    starts_again(page, "wrong_account")
    press(page.get_by_role("button", name="Continue to Microsoft"))
    press(page.locator(f'button[value="{address}"]'))
    press(page.locator("#accept"))
    assert (heading(page), address in page.inner_text("main")) == (
        "Your mailbox is connected",
        True,
    )


def test_where_too_many_sign_in_the_page_says_so(start_lab: StartLab, page: Page) -> None:
    lab = start_lab(settings={"OPEN_LOGINS_LIMIT": "1"})
    for _ in range(2):
        page.goto(lab.login_url)
        press(page.get_by_role("button", name="Continue to Microsoft"))
    assert heading(page) == "Please try again in a few minutes"
    starts_again(page, "too_many_logins")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_each_page_fits_its_window_and_shows_its_style(
    lab: Lab, page: Page, scheme: Literal["light", "dark"], width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    grounds = {"light": "rgb(242, 244, 248)", "dark": "rgb(16, 18, 22)"}
    for path in ("login", "callback", "login?return_to=https://evil.example"):
        page.goto(f"{lab.host.base_url}/api/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == grounds[scheme]
