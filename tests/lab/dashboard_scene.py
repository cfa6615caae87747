"""The demo's scene in the dashboard: one mailbox, from its invitation to working again."""

from pathlib import Path

from .chromium import chromium
from .dashboard_page import DashboardPage
from .lab import Lab
from .mails import made_up
from .story import Story

_PERSON = "vint@contoso.example"
_PICTURE = "dashboard.png"


def tell(story: Story, lab: Lab, folder: Path) -> None:
    """An operator at the dashboard, in a browser without a window."""
    story.chapter("An operator looks at the dashboard: invitation, mail, consent withdrawn, mended")
    with chromium() as browser:
        dashboard = DashboardPage(lab, browser.new_page(color_scheme="light"))
        _connected(story, lab, dashboard)
        _tested(story, dashboard)
        _gone(story, lab, dashboard, folder)
        _mended(story, lab, dashboard)


def _connected(story: Story, lab: Lab, dashboard: DashboardPage) -> None:
    dashboard.open("#/connect")
    dashboard.page.get_by_label("Reference").fill("customer-7")
    dashboard.press("Make the invitation")
    link = dashboard.value("Invitation link")
    page = lab.connect(_PERSON, "work", login_url=link)
    story.check(page.status == 200, f"{_PERSON} opens the invitation", page.title)
    lab.mail(_PERSON, made_up(_PERSON, "Seen in the dashboard"))
    lab.receiver.wait_for(1, _PERSON)
    dashboard.open(f"#/accounts/{lab.account_id(_PERSON)}")
    dashboard.standing("Active")
    dashboard.event("New mail").wait_for()
    story.check(dashboard.event("New mail").count() == 1, "its page is green, and has the mail")


def _tested(story: Story, dashboard: DashboardPage) -> None:
    dashboard.open("#/endpoints")
    dashboard.press("Send a test")
    answer = dashboard.page.get_by_text("It answered 204")
    answer.wait_for()
    story.check(answer.is_visible(), "the endpoint takes a test", answer.inner_text())


def _gone(story: Story, lab: Lab, dashboard: DashboardPage, folder: Path) -> None:
    lab.microsoft.withdraw_consent(_PERSON)
    lab.microsoft.expire_access_tokens(_PERSON)
    lab.wait_for_account(_PERSON, status="reconnect_required", claim="")
    dashboard.open("#/")
    dashboard.settled()
    dashboard.page.screenshot(path=folder / _PICTURE)
    dashboard.page.get_by_role("link", name=_PERSON).click()
    dashboard.standing("Sign-in needed")
    reason = dashboard.page.locator(".notice p").first.inner_text()
    story.check("withdrawn" in reason, "its consent is withdrawn: the page is red", reason)
    story.say(f"what the operator saw: {folder / _PICTURE}")


def _mended(story: Story, lab: Lab, dashboard: DashboardPage) -> None:
    link = dashboard.value("Sign-in link for the owner")
    page = lab.connect(_PERSON, "work", login_url=link)
    story.check(page.status == 200, "its owner opens the link to sign in again", page.title)
    lab.receiver.wait_for(1, _PERSON, "account.restored")
    dashboard.later()
    dashboard.standing("Active")
    dashboard.event("Works again").wait_for()
    story.check(dashboard.event("Works again").count() == 1, "the page is green again")
