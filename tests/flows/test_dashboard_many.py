"""The dashboard with a thousand accounts, and for everybody: axe, keyboard, every width."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.conftest import REAL
from tests.lab.dashboard_page import DashboardPage
from tests.lab.lab import Lab

_ROOT = Path(__file__).parents[2]


def each_view(dashboard: DashboardPage) -> Iterator[str]:
    """Opens one view after another, and waits until it is read; gives its address."""
    listed = dashboard.lab.host.api("GET", "accounts?limit=200").json()["accounts"]
    ill = next(one for one in listed if one["status"] == "reconnect_required")
    views = {
        "#/": "Overview",
        "#/accounts": "Accounts",
        f"#/accounts/{ill['id']}": ill["address"],
        f"#/accounts/{dashboard.lab.wait_for_account(REAL)['RowKey']}": REAL,
        "#/endpoints": "Endpoints",
        "#/endpoints/new": "New endpoint",
        "#/dead-letters": "Dead letters",
        "#/connect": "Connect a mailbox",
    }
    for view, heading in views.items():
        dashboard.open(view).heading(heading)
        dashboard.settled()
        yield view


def test_a_thousand_accounts_are_there_soon_and_found(
    many: Lab, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    dashboard = DashboardPage(many, page).open()
    page.goto("about:blank")
    begun = time.monotonic()
    page.goto(f"{dashboard.url}#/accounts")
    page.locator("tbody tr").first.wait_for()
    seconds = time.monotonic() - begun
    expect(page.get_by_text("1,000 accounts", exact=True)).to_be_visible()
    with capsys.disabled():
        all_seconds = time.monotonic() - begun
        print(f"\n1,000 accounts: first rows after {seconds:.2f} s, all after {all_seconds:.2f} s")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(page.get_by_text("1–50 of 1,000")).to_be_visible()
    first = rows.first.inner_text()
    dashboard.press("Next")
    expect(page.get_by_text("51–100 of 1,000")).to_be_visible()
    assert rows.first.inner_text() != first
    page.get_by_label("Search accounts").fill("777@")
    expect(rows).to_have_count(1)
    page.get_by_label("Search accounts").fill("")
    page.get_by_role("button", name="Blocked").click()
    expect(rows.locator(".badge")).to_have_text(["Blocked"] * rows.count())
    assert page.url.endswith("#/accounts?status=blocked")


def test_who_is_in_trouble_comes_first(many: Lab, page: Page) -> None:
    DashboardPage(many, page).open("#/accounts")
    expect(page.get_by_text("1,000 accounts", exact=True)).to_be_visible()
    order = ["Sign-in needed", "Blocked", "Retrying", "Late", "Paused", "Active"]
    places = [order.index(word) for word in page.locator("tbody .badge").all_inner_texts()]
    assert all(one <= other for one, other in pairwise(places)) and places[0] == 0


def test_what_changes_is_shown_and_what_somebody_does_meanwhile_stays(
    many: Lab, page: Page
) -> None:
    dashboard = DashboardPage(many, page).open("#/accounts")
    expect(page.get_by_text("1,000 accounts", exact=True)).to_be_visible()
    search = page.get_by_label("Search accounts")
    search.fill("contoso")
    row = page.locator("tbody tr").last
    row.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    search.evaluate("field => field.focus({ preventScroll: true })")
    row.evaluate("row => (row.mine = true)")
    with page.expect_response(lambda answer: "/api/accounts?" in answer.url):
        dashboard.later()
    dashboard.settled()
    assert row.evaluate("row => row.mine")
    assert (search.input_value(), page.evaluate("scrollY")) == ("contoso", before)
    expect(search).to_be_focused()


# For everybody


def test_a_view_has_its_heading_focused_and_its_name_in_the_title(dashboard: DashboardPage) -> None:
    page = dashboard.open().page
    for tab, title in (("Accounts", "Accounts"), ("Connect", "Connect a mailbox")):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=tab).click()
        expect(page.locator("#main h1")).to_be_focused()
        expect(page).to_have_title(f"{title} · Unseen")
        expect(page.locator("[aria-current=page]")).to_have_text(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_view(
    many: Lab, chromium: Browser, scheme: Literal["light", "dark"]
) -> None:
    # The policy would refuse axe, which is not ours.
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    axe = (_ROOT / "node_modules/axe-core/axe.min.js").read_text()

    def found() -> list[str]:
        page.evaluate(axe)
        violations = page.evaluate("async () => (await axe.run()).violations")
        return [f"{page.url} {one['id']} {one['nodes'][0]['html'][:200]}" for one in violations]

    page.goto(f"{many.host.base_url}/api/dashboard")
    page.get_by_label("Function key").wait_for()
    faults = found()
    dashboard = DashboardPage(many, page)
    for view in each_view(dashboard):
        faults += found()
        if view.startswith("#/accounts/"):
            dashboard.press("Disconnect …")
            faults += found()
            dashboard.confirm("Cancel")
    dashboard.press("Make the invitation")
    expect(page.get_by_label("Invitation link")).to_be_visible()
    faults += found()
    dashboard.open("#/endpoints")
    dashboard.press("Send a test")
    expect(page.get_by_text("It answered 204")).to_be_visible()
    dashboard.press("Replay …")
    faults += found()
    context.close()
    assert faults == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_each_view_fits_its_window(many: Lab, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    dashboard = DashboardPage(many, page)
    for view in each_view(dashboard):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
