"""What can be done in the dashboard, each with what comes of it."""

from playwright.sync_api import Page, expect

from tests.conftest import StartLab
from tests.lab import dead_letters
from tests.lab.dashboard_page import DashboardPage
from tests.lab.lab import Lab


def test_an_account_is_paused_resumed_and_looked_at_now(
    lab: Lab, dashboard: DashboardPage, address: str
) -> None:
    dashboard.open(f"#/accounts/{lab.connected(address)}")
    dashboard.press("Pause")
    dashboard.standing("Paused")
    assert lab.account(address)["status"] == "paused"
    dashboard.press("Resume")
    dashboard.standing("Active")
    dashboard.press("Check now")
    dashboard.told("The mailbox is looked at now.")


def test_disconnecting_asks_first_and_says_what_will_happen(
    lab: Lab, dashboard: DashboardPage, address: str
) -> None:
    dashboard.open(f"#/accounts/{lab.connected(address)}")
    dashboard.press("Disconnect …")
    dialog = dashboard.page.get_by_role("dialog", name=f"Disconnect {address}?")
    expect(dialog).to_contain_text("its token is deleted")
    dashboard.confirm("Cancel")
    expect(dialog).not_to_be_visible()
    expect(dashboard.page.get_by_role("button", name="Disconnect …")).to_be_focused()
    assert lab.account(address)["status"] == "active"
    dashboard.press("Disconnect …")
    dashboard.confirm("Disconnect")
    dashboard.heading("Accounts")
    dashboard.told(f"{address} is disconnected.")
    lab.receiver.wait_for(1, kind="account.disconnected")


def test_a_dead_letter_is_sent_again(start_lab: StartLab, page: Page, address: str) -> None:
    lab = start_lab(beat_seconds=0.5)
    lab.connected(address)
    dead_letters.make(lab, address)
    dashboard = DashboardPage(lab, page).open("#/dead-letters")
    expect(dashboard.event("Works again")).to_contain_text(address)
    dashboard.press("Send again")
    dashboard.told("It is sent again")
    lab.receiver.wait_for(1, address, "account.restored")
    lab.wait_for_account(address, dead=0)
    dashboard.later()
    expect(page.get_by_role("heading", name="None")).to_be_visible()


def test_an_endpoint_from_its_making_to_its_end(lab: Lab, dashboard: DashboardPage) -> None:
    page = dashboard.open("#/endpoints/new").page
    url = f"{lab.receiver.hook_url}/made"
    page.get_by_label("URL").fill(url)
    page.get_by_label("Description").fill("Ticketing")
    page.get_by_label("New mail").check()
    dashboard.press("Make the endpoint")
    first = dashboard.value("Secret")
    dashboard.confirm("Done")
    mine = dashboard.card("Ticketing")
    expect(mine).to_contain_text("New mail")
    assert first.startswith("whsec_") and first not in page.content()

    mine.get_by_role("button", name="Rotate secret").click()
    dashboard.confirm("Rotate")
    second = dashboard.value("Secret")
    assert second.startswith("whsec_") and second != first
    dashboard.confirm("Done")
    expect(mine).to_contain_text("2 sign")

    lab.receiver.answer({"status": 503}, path="/hook/made")
    mine.get_by_role("button", name="Send a test").click()
    expect(mine).to_contain_text("It answered 503")

    mine.get_by_role("button", name="Replay").click()
    dashboard.confirm("Send again")
    dashboard.told("There was nothing to send again.")

    mine.get_by_role("button", name="Disable").click()
    dashboard.confirm("Disable")
    expect(mine.get_by_text("Disabled", exact=True)).to_be_visible()
    mine.get_by_role("button", name="Enable").click()
    expect(mine.get_by_text("Working", exact=True)).to_be_visible()

    mine.get_by_role("button", name="Delete").click()
    dashboard.confirm("Delete")
    expect(mine).not_to_be_visible()
    assert url not in lab.host.api("GET", "endpoints").text


def test_what_the_api_refuses_is_said_with_its_field(dashboard: DashboardPage) -> None:
    page = dashboard.open("#/endpoints/new").page
    page.get_by_label("URL").fill("https://user@example.com/")
    dashboard.press("Make the endpoint")
    expect(page.locator("#failed")).not_to_be_empty()
    dashboard.heading("New endpoint")
    assert dashboard.value("URL") == "https://user@example.com/"
