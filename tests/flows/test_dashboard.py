"""The dashboard in a real browser: from the key on, live, and safe from strangers' texts."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import StartLab
from tests.flows.browsing import heading, press, sign_in
from tests.lab.dashboard_page import DashboardPage
from tests.lab.lab import Lab
from tests.lab.mails import made_up, with_file

_SCRIPT = "<img src=x onerror=canary=1><script>canary=1</script>\"'&amp;"


def test_from_an_invitation_over_a_withdrawn_consent_to_a_mailbox_that_works_again(
    lab: Lab, context: BrowserContext, dashboard: DashboardPage, address: str
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = dashboard.open("#/connect").page
    lab.person(address)
    page.get_by_label("Reference").fill("customer-7")
    page.get_by_label("Who has to sign in").fill(address)
    dashboard.press("Make the invitation")
    link = dashboard.value("Invitation link")
    dashboard.press("Copy")
    dashboard.told("Invitation link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == link

    owner = context.new_page()
    sign_in(lab, owner, address, link)
    press(owner.locator("#accept"))
    assert heading(owner) == "Your mailbox is connected"
    lab.mail(address, made_up(address, "Hello"))
    lab.receiver.wait_for(1, address)

    page.get_by_role("link", name="Accounts", exact=True).click()
    page.get_by_label("Search accounts").fill("customer-7")
    page.get_by_role("link", name=address).click()
    dashboard.heading(address)
    dashboard.standing("Active")
    expect(dashboard.event("New mail")).to_contain_text("Delivered")
    expect(dashboard.card("Last 24 hours")).to_contain_text("1 mail")

    page.get_by_role("link", name="Endpoints", exact=True).click()
    dashboard.press("Send a test")
    expect(page.get_by_text("It answered 204")).to_be_visible()
    assert lab.receiver.received(kind="endpoint.test")

    lab.microsoft.withdraw_consent(address)
    lab.microsoft.expire_access_tokens(address)
    lab.receiver.wait_for(1, address, "account.reconnect_required")
    lab.wait_for_account(address, status="reconnect_required", claim="")
    dashboard.open(f"#/accounts/{lab.account_id(address)}")
    dashboard.standing("Sign-in needed")
    expect(page.get_by_text("Consent was not given, or it was withdrawn.")).to_be_visible()
    expect(page.locator(".notice")).to_have_class("notice bad")

    sign_in(lab, owner, address, dashboard.value("Sign-in link for the owner"))
    press(owner.locator("#accept"))
    lab.receiver.wait_for(1, address, "account.restored")
    dashboard.later()
    dashboard.standing("Active")
    expect(dashboard.event("Works again")).to_be_visible()


# Strangers' texts


def test_t8_script_in_mail_labels_and_endpoints_is_shown_and_does_not_run(
    start_lab: StartLab, page: Page, address: str
) -> None:
    lab = start_lab()
    hook = {"url": f"{lab.receiver.hook_url}/down", "description": _SCRIPT}
    endpoint = lab.host.api("POST", "endpoints", json=hook).json()["id"]
    lab.receiver.answer({"status": 500}, path="/hook/down")
    account = lab.connected(address)
    labels = {"labels": [_SCRIPT], "endpoints": [endpoint]}
    assert lab.host.api("PATCH", f"accounts/{account}", json=labels).ok
    mail = with_file(address, _SCRIPT, _SCRIPT, b"x", kind="text/html", subject=_SCRIPT)
    lab.mail(address, mail.replace(b"Yuki Tanaka", b"=?utf-8?q?=3Cscript=3Ecanary=3D1?="))
    lab.check(address)
    lab.receiver.wait_for(1, address)
    lab.wait_for_account(address, claim="")

    dashboard = DashboardPage(lab, page).open(f"#/accounts/{account}")
    expect(dashboard.event("New mail")).to_contain_text(_SCRIPT)
    expect(dashboard.card("Details")).to_contain_text(_SCRIPT)
    for view in ("#/accounts", "#/endpoints", "#/connect", "#/"):
        dashboard.open(view)
        expect(page.locator("#main")).to_contain_text(_SCRIPT)
    ours = "script:not([src='dashboard/start.js'])"
    assert page.locator(f"img, iframe, {ours}").count() == 0
    assert page.evaluate("typeof canary") == "undefined"


@pytest.mark.parametrize("url", ["javascript:canary=1", "data:text/html,x", "//x", "", "\tjava"])
def test_t8_only_addresses_of_the_web_become_links(dashboard: DashboardPage, url: str) -> None:
    page = dashboard.open().page
    made = "async url => (await import('/api/dashboard/dom.js')).link(url, 'x').localName"
    assert page.evaluate(made, url) == "span"
    assert page.evaluate(made, "https://example.com/") == "a"


# The key


def test_a_wrong_key_says_so_and_is_not_kept(dashboard: DashboardPage) -> None:
    page = dashboard.page
    page.goto(dashboard.url)
    dashboard.enter("wrong")
    expect(page.get_by_role("alert").filter(has_text="This key was refused")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    dashboard.enter(dashboard.lab.host.function_key)
    dashboard.heading("Overview")


def test_i6_the_key_is_in_no_address_and_is_forgotten_when_asked_to(
    dashboard: DashboardPage,
) -> None:
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.url))
    dashboard.open("#/accounts")
    dashboard.page.reload()
    dashboard.heading("Accounts")
    dashboard.press("Forget key")
    expect(dashboard.page.get_by_label("Function key")).to_be_visible()
    assert dashboard.page.evaluate("sessionStorage.length") == 0
    assert asked and not [url for url in asked if dashboard.lab.host.function_key in url]


def test_a_key_that_is_taken_back_asks_for_another(dashboard: DashboardPage) -> None:
    page = dashboard.open().page
    page.evaluate("sessionStorage.setItem('unseen-function-key', 'old')")
    dashboard.later()
    refused = page.get_by_role("alert").filter(has_text="This function key was refused")
    expect(refused).to_be_visible()


# Live


def test_a_hidden_tab_asks_for_nothing(dashboard: DashboardPage) -> None:
    page = dashboard.open("#/endpoints").page
    expect(dashboard.card("localhost")).to_be_visible()
    hide = "value => Object.defineProperty(document, 'hidden', { value, configurable: true })"
    page.evaluate(hide, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    dashboard.later()
    dashboard.later()
    assert asked == []
    page.evaluate(hide, False)
    with page.expect_request("**/api/endpoints"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_where_a_file_did_not_come_the_page_is_loaded_once_more(
    lab: Lab, chromium: Browser
) -> None:
    page = chromium.new_page()
    dashboard = DashboardPage(lab, page)
    page.route("**/dashboard/words.js", lambda route: route.abort(), times=2)  # ahead, and then
    page.goto(dashboard.url)
    expect(page.get_by_text("The dashboard did not load completely.")).to_be_visible()
    page.clock.fast_forward(3000)
    expect(page.get_by_label("Function key")).to_be_visible()
    page.close()


def test_a_server_that_is_away_is_said_and_what_was_read_stays(
    start_lab: StartLab, page: Page
) -> None:
    lab = start_lab()
    dashboard = DashboardPage(lab, page).open("#/endpoints")
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    lab.host.stop()
    dashboard.later()
    expect(page.get_by_text("The server can't be reached")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    lab.host.start()
    dashboard.press("Try again")
    expect(page.get_by_text("The server can't be reached")).not_to_be_visible()
