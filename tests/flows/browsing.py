"""What people do in a real browser: they press buttons and sign in at Microsoft."""

from playwright.sync_api import Locator, Page

from tests.lab.lab import Lab


def press(button: Locator) -> None:
    """Clicks, and waits for the page that it leads to, however many redirects away."""
    with button.page.expect_navigation():
        button.click()


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def sign_in(lab: Lab, page: Page, address: str, link: str = "") -> None:
    """From our page over the account picker to consent."""
    lab.person(address)
    page.goto(link or lab.login_url)
    press(page.get_by_role("button", name="Continue to Microsoft"))
    press(page.locator(f'button[value="{address}"]'))
