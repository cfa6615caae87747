"""The dashboard as an operator uses it, in a real browser."""

import re

from playwright.sync_api import Locator, Page, expect

from .lab import Lab

_PAUSE = "01:00"  # longer than any between two readings


class DashboardPage:
    """An open dashboard. Its time can be moved forward, to the next reading of the API."""

    def __init__(self, lab: Lab, page: Page) -> None:
        self.lab, self.page = lab, page
        self.url = lab.dashboard_url
        page.clock.install()

    def open(self, view: str = "#/") -> "DashboardPage":
        """Opens a view, with the key where it is asked for."""
        self.page.goto(self.url + view)
        if "unseen-function-key" not in self.page.evaluate("Object.keys(sessionStorage)"):
            self.enter(self.lab.host.function_key)
            expect(self.page.locator("#main h1")).to_be_visible()
        return self

    def enter(self, key: str) -> None:
        self.page.get_by_label("Function key").fill(key)
        self.page.get_by_role("button", name="Open the dashboard").click()

    def later(self) -> None:
        """Reads the API once more, as time does."""
        self.settled()
        self.page.clock.fast_forward(_PAUSE)

    def settled(self) -> None:
        """What is being read is there."""
        expect(self.page.locator(".live:not(.reading)")).to_be_attached()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def confirm(self, name: str) -> None:
        """The button of the dialog that asks."""
        self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    def card(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title)

    def value(self, label: str) -> str:
        """What stands in a field."""
        return self.page.get_by_role("textbox", name=label).input_value()

    def told(self, text: str) -> None:
        """What came of something is said aloud."""
        expect(self.page.locator("#said, #failed").filter(has_text=text)).to_be_visible()

    def heading(self, text: str) -> None:
        expect(self.page.locator("#main h1")).to_have_text(text)

    def standing(self, word: str) -> None:
        """The state beside the heading."""
        expect(self.page.locator(".head .badge")).to_have_text(word)

    def event(self, text: str) -> Locator:
        return self.page.locator(".events > li").filter(has_text=re.compile(re.escape(text)))
