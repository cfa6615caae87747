"""The result page over HTTP: how a login ended, and what its owner can still do there."""

import pytest

from shared.web import Answer
from tests.conftest import StartLab
from tests.guest import Guest, account_of, invited, query, redeemed
from tests.lab.imap_proxy import ImapProxy, cut
from tests.lab.lab import Lab
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until
from tests.lab.walk import Browser, Page

PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def browser(lab: Lab) -> Browser:
    """The mailbox owner's."""
    return lab.browser()


@pytest.fixture
def real(address: str) -> str:
    """Where the mailbox of somebody with another user name is."""
    return f"real.{address}"


def refused(lab: Lab, address: str, browser: Browser, *mailboxes: str) -> Page:
    """The page after a sign-in whose user name is no mailbox; `mailboxes` are."""
    lab.person(address, owns_mailbox=False, mailboxes=mailboxes)
    return lab.connect(address, browser=browser)


def policy(page: Answer) -> str:
    return page.headers["Content-Security-Policy"]


# Success


def test_the_page_names_the_mailbox_and_nothing_of_its_query(
    lab: Lab, address: str, browser: Browser
) -> None:
    page = lab.connect(address, browser=browser)
    assert (page.status, page.title) == (200, "Your mailbox is connected")
    assert address in page.text
    again = browser.get(f"{page.url}&address=evil@evil.example&status=%3Cscript%3E")
    assert again.html == page.html


@pytest.mark.parametrize(
    "query", ["", "login=", "login=short", f"login={'0' * 64}", "login=a&login=b"]
)
def test_without_a_login_there_is_nothing_to_show(lab: Lab, browser: Browser, query: str) -> None:
    page = browser.get(f"{lab.host.base_url}/api/connected?{query}")
    assert (page.status, "Start again" in page.text) == (400, True)


def test_another_browser_does_not_see_it(lab: Lab, address: str) -> None:
    url = lab.connect(address).url
    page = lab.browser().get(url)
    assert page.status == 400 and "login_cookie_missing" in page.text
    assert address not in page.html


def test_the_page_is_gone_with_the_account(lab: Lab, address: str, browser: Browser) -> None:
    url = lab.connect(address, browser=browser).url
    lab.host.api("DELETE", f"accounts/{lab.account(address)['id']}")
    page = browser.get(url)
    assert page.status == 404 and "account_unknown" in page.text


def test_an_older_login_does_not_speak_for_a_newer_one(lab: Lab, address: str) -> None:
    first, second = lab.browser(), lab.browser()
    url = lab.connect(address, browser=first).url
    lab.connect(address, browser=second)
    page = first.get(url)
    assert page.status == 409 and "login_used" in page.text


# Refused by the mailbox


def test_a_mailbox_that_refuses_is_blocked_and_the_page_says_what_to_do(
    lab: Lab, address: str, browser: Browser
) -> None:
    page = refused(lab, address, browser)
    assert page.title == "Signed in, but the mailbox can\u2019t be read"
    assert "Let devices and apps use POP or IMAP" in page.text
    assert {button for form in page.forms for button in form.buttons} == {
        "Check again",
        "Use this address",
    }
    row = lab.rows("accounts", address=address)[0]
    assert (row["status"], row["code"]) == ("blocked", "imap_denied")


def test_the_real_address_connects_with_the_same_token(
    lab: Lab, address: str, real: str, browser: Browser
) -> None:
    page = refused(lab, address, browser, real)
    before = lab.rows("accounts", address=address)[0]["RowKey"]
    page = browser.submit(page, "Use this address", address=real)
    assert page.title == "Your mailbox is connected" and real in page.text
    assert lab.wait_for_account(real, status="active")["RowKey"] == before
    assert [one["grant_type"] for one in lab.microsoft.records(address)] == ["authorization_code"]
    lab.receiver.wait_for(1, real, "account.restored")


def test_check_again_connects_once_imap_is_switched_on(
    lab: Lab, address: str, browser: Browser
) -> None:
    page = refused(lab, address, browser)
    page = browser.submit(page, "Check again")
    assert page.title == "Signed in, but the mailbox can\u2019t be read"
    lab.person(address, owns_mailbox=True)
    page = browser.submit(page, "Check again")
    assert page.title == "Your mailbox is connected"


def test_a_reload_of_the_callback_still_says_that_the_mailbox_refuses(
    lab: Lab, address: str, browser: Browser
) -> None:
    refused(lab, address, browser)
    callback = next(hop.url for hop in browser.hops if "/api/callback" in hop.url)
    assert browser.get(callback).title == "Signed in, but the mailbox can\u2019t be read"


def test_a_way_back_waits_until_the_mailbox_opens(app: SteppedApp, address: str) -> None:
    guest, back = Guest(app), "http://localhost:3000/back"
    app.services.microsoft.add_account(address, owns_mailbox=False)
    link = invited(app, reference="42", return_url=back)
    page = guest.result_page(guest.connect(link, address).location)
    assert (
        f"form-action 'self' {app.parts.settings.authority_origin} http://localhost:3000;"
        in policy(page)
    )
    assert guest.act(page, "check").status == 200
    app.services.microsoft.add_account(address, owns_mailbox=True)
    answer = guest.act(page, "check")
    assert (answer.status, answer.location.partition("?")[0]) == (303, back)
    carried = query(answer.location)
    assert (carried["status"], carried["reference"]) == ("connected", "42")
    assert redeemed(app, carried["result"])["account"]["address"] == address
    assert app.account(account_of(app, "42").id).last_success_at


def test_without_a_way_back_the_form_leads_to_us_and_microsoft_only(
    app: SteppedApp, address: str
) -> None:
    guest = Guest(app)
    app.services.microsoft.add_account(address, owns_mailbox=False)
    page = guest.result_page(guest.connect(invited(app), address).location)
    assert f"form-action 'self' {app.parts.settings.authority_origin};" in policy(page)


def test_after_five_tries_the_page_wants_a_new_login(
    lab: Lab, address: str, real: str, browser: Browser
) -> None:
    page = refused(lab, address, browser, real)
    lab.edit("once", "login", page.forms[0].fields["login"], tries=4)
    page = browser.submit(page, "Use this address", address=f"wrong.{address}")
    assert page.title == "Signed in, but the mailbox can\u2019t be read"
    page = browser.submit(page, "Use this address", address=real)
    assert page.status == 429 and "too_many_tries" in page.text
    assert not lab.rows("accounts", address=real)


def test_t24_what_is_no_address_is_refused(lab: Lab, address: str, browser: Browser) -> None:
    page = refused(lab, address, browser)
    for wrong in ("", "nobody", "a b@c.example", "a@b\r\nX: y", "a@b\x01c", "@"):
        answer = browser.submit(page, "Use this address", address=wrong)
        assert answer.status == 400 and "field_invalid" in answer.text, wrong


def test_t1_each_guard_of_the_form_refuses_alone(
    lab: Lab, address: str, real: str, browser: Browser
) -> None:
    page = refused(lab, address, browser, real)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = browser.submit(page, "Use this address", address=real, headers=headers)
        assert answer.status == 403, headers
    for token in ("", "0" * 64):
        assert browser.submit(page, "Use this address", address=real, token=token).status == 403
    browser.forget_cookies()
    assert browser.submit(page, "Use this address", address=real).status == 400
    assert not lab.rows("accounts", address=real)


def test_what_is_already_connected_is_not_moved_to_another_address(
    lab: Lab, address: str, real: str, browser: Browser
) -> None:
    refusal = refused(lab, address, browser, real)
    browser.submit(refusal, "Use this address", address=real)
    page = browser.submit(refusal, "Use this address", address=address)
    assert page.title == "Your mailbox is connected" and real in page.text
    assert not lab.rows("accounts", address=address)


# The mail server does not answer


def test_f11_a_mail_server_that_is_away_is_asked_again_by_itself(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    lab = start_lab(beat_seconds=0.2, settings={"IMAP_HOST": f"localhost:{proxy.port}"})
    proxy.on("CONNECT", cut())
    browser = lab.browser()
    page = lab.connect(address, browser=browser)
    assert page.title == "Signed in, still checking"
    row = lab.wait_for_account(address, failures=1, claim="", status="active")
    proxy.behave()
    lab.edit("accounts", row["PartitionKey"], row["RowKey"], next_due_at=PAST, next_check_at=PAST)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    wait_until(lambda: browser.get(page.url).title == "Your mailbox is connected")
