"""The login over HTTP: our page, Microsoft's, the callback; and every way in which it fails."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import pytest
import requests

from shared import ids
from tests.conftest import StartLab
from tests.guest import Guest, fields
from tests.lab.lab import Lab
from tests.lab.stepped_app import SteppedApp
from tests.lab.walk import Browser, Page

type Sent = dict[str, dict[str, str]]

ALLOWED = "http://localhost:3000/back?tab=mail"
CANARY = "<script>canary</script>"
EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "666",
    "Forwarded": "host=evil.example;proto=gopher",
    "X-Original-URL": "/api/evil",
    "X-Original-Host": "evil.example",
    "DISGUISED-HOST": "evil.example",
}


@pytest.fixture
def browser(lab: Lab) -> Browser:
    """The mailbox owner's."""
    return lab.browser()


def to_the_callback(lab: Lab, address: str, browser: Browser, **options: str) -> str:
    """Signs in and stops before the callback; gives its address, with code and state."""
    stop_at = f"{lab.host.base_url}/api/callback"
    return lab.connect(address, browser=browser, stop_at=stop_at, **options).url


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


def login_row(lab: Lab, url: str) -> dict[str, object]:
    """The stored row of the login that the callback's address belongs to."""
    return lab.rows("once", RowKey=ids.sha256_hex(state_of(url)))[0]


def logins(lab: Lab) -> set[str]:
    """Keys of the logins that are stored; the timer takes away those that have expired."""
    return {row["RowKey"] for row in lab.rows("once", PartitionKey="login")}


def accounts_of(lab: Lab, address: str) -> list[dict[str, object]]:
    return [row for row in lab.rows("accounts") if row.get("address") == address]


def token_requests(lab: Lab, address: str) -> list[str]:
    """Outcomes of what the token endpoint was asked for that person."""
    return [one["outcome"] for one in lab.microsoft.records(address)]


def failed(page: Page, status: int, code: str) -> bool:
    """Whether the page says that code, what to do, and offers a way on that needs no script."""
    link = re.search(r'<a class="button" href="([^"]+)">Start again</a>', page.html)
    assert link and urlsplit(link[1]).path == "/api/login"
    assert "<script" not in page.html
    return (page.status, code in page.text) == (status, True)


def own_form(page: requests.Response) -> Sent:
    """What a browser sends for the button of our own page."""
    token = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert token
    return {"data": {"token": token[1]}, "cookies": dict(page.cookies.items())}


def send(lab: Lab, form: Sent) -> requests.Response:
    """Posts a form to /api/login; redirects are not followed."""
    return requests.post(
        lab.login_url,
        data=form.get("data"),
        cookies=form.get("cookies"),
        headers=form.get("headers"),
        timeout=10,
        allow_redirects=False,
    )


# The page that asks


def test_the_page_says_who_asks_and_leads_to_microsoft(lab: Lab, browser: Browser) -> None:
    page = browser.get(lab.login_url)
    assert (page.status, page.title) == (200, "Connect your mailbox")
    assert "Unseen lab would like to read new mail" in page.text
    assert "and to send mail from it" in page.text and "stays unread" in page.text
    answer = browser.submit(page, stop_at=lab.services.microsoft_url)
    assert answer.status == 303


def test_the_way_to_microsoft_has_pkce_nonce_our_state_and_one_scope(
    lab: Lab, browser: Browser
) -> None:
    page = browser.submit(browser.get(lab.login_url), stop_at=lab.services.microsoft_url)
    query = dict(parse_qsl(urlsplit(page.url).query))
    assert query["code_challenge_method"] == "S256" and query["nonce"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", query["state"])
    assert query["prompt"] == "select_account"
    assert query["redirect_uri"] == f"{lab.host.base_url}/api/callback"
    assert "https://outlook.office.com/IMAP.AccessAsUser.All" in query["scope"].split()


def test_t33_a_hundred_link_scanners_store_nothing(lab: Lab) -> None:
    before = logins(lab)
    for _ in range(100):
        assert requests.get(lab.login_url, timeout=10).status_code == 200
    assert logins(lab) <= before


def test_the_forms_cookie_is_strict_and_the_logins_cookie_is_lax(lab: Lab) -> None:
    asked = requests.get(lab.login_url, timeout=10)
    begun = send(lab, own_form(asked))
    for answer, same_site in ((asked, "strict"), (begun, "lax")):
        cookie = answer.headers["Set-Cookie"].lower()
        assert "httponly" in cookie and f"samesite={same_site}" in cookie


def test_every_page_keeps_out_frames_scripts_and_foreign_forms(lab: Lab, browser: Browser) -> None:
    for page in (browser.get(lab.login_url), browser.get(f"{lab.host.base_url}/api/callback")):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert f"form-action 'self' {lab.services.microsoft_url}" in policy
        assert page.headers["Cache-Control"] == "no-store"


def test_a_login_is_stored_hashed_and_sealed(lab: Lab, browser: Browser) -> None:
    page = browser.submit(browser.get(lab.login_url), stop_at=lab.services.microsoft_url)
    query = dict(parse_qsl(urlsplit(page.url).query))
    row = login_row(lab, page.url)
    assert row["state"] == "open"
    stored = str(row)
    assert query["state"] not in stored and query["nonce"] not in stored
    assert not any(value in stored for value in browser.cookies.values())


# T1: a login belongs to the browser that began it


def test_t1_a_strangers_answer_does_nothing_in_the_victims_browser(
    lab: Lab, address: str, browser: Browser
) -> None:
    strangers = to_the_callback(lab, address, lab.browser())
    before = login_row(lab, strangers), lab.rows("tokens"), lab.rows("accounts", kind="personal")
    assert failed(browser.get(strangers), 400, "login_cookie_missing")
    assert token_requests(lab, address) == []
    after = login_row(lab, strangers), lab.rows("tokens"), lab.rows("accounts", kind="personal")
    assert after == before


def test_t1_a_form_on_a_foreign_page_starts_no_login(lab: Lab, browser: Browser) -> None:
    page = browser.get(lab.login_url)
    before = logins(lab)
    answer = browser.post(
        lab.login_url, page.forms[0].fields, came_from="https://evil.example/", headers={}
    )
    assert failed(answer, 403, "form_refused")
    assert "Location" not in answer.headers
    assert logins(lab) <= before


@pytest.mark.parametrize(
    "changed",
    [
        {"headers": {"Origin": "https://evil.example"}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
        {"cookies": {}},
        {"cookies": {"login_form": "x" * 43}},
        {"data": {}},
        {"data": {"token": "0" * 64}},
    ],
    ids=str,
)
def test_t1_each_guard_of_the_form_refuses_alone(lab: Lab, changed: Sent) -> None:
    form = own_form(requests.get(lab.login_url, timeout=10))
    before = logins(lab)
    answer = send(lab, form | changed)
    assert (answer.status_code, "Location" in answer.headers) == (403, False)
    assert logins(lab) <= before


def test_the_forms_token_is_not_the_cookie(lab: Lab) -> None:
    form = own_form(requests.get(lab.login_url, timeout=10))
    assert set(form["data"].values()).isdisjoint(form["cookies"].values())


def test_a_lost_cookie_ends_on_a_page_that_says_so(
    lab: Lab, address: str, browser: Browser
) -> None:
    url = to_the_callback(lab, address, browser)
    browser.forget_cookies()
    page = browser.get(url)
    assert failed(page, 400, "login_cookie_missing")
    assert page.title == "Please use the same browser"
    assert token_requests(lab, address) == []


def test_two_tabs_do_not_take_each_others_login(lab: Lab, address: str, browser: Browser) -> None:
    first = to_the_callback(lab, address, browser)
    second = to_the_callback(lab, f"second.{address}", browser)
    assert browser.get(first).title == "Your mailbox is connected"
    assert browser.get(second).title == "Your mailbox is connected"


# T4: a state works once


def test_t4_of_20_callbacks_at_once_one_asks_for_a_token(
    lab: Lab, address: str, browser: Browser
) -> None:
    url = to_the_callback(lab, address, browser)
    cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items())}

    def call(_: int) -> int:
        return requests.get(url, headers=cookies, allow_redirects=False, timeout=30).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = Counter(pool.map(call, range(20)))
    assert token_requests(lab, address) == ["ok"]
    assert answers[303] == 1 and set(answers) <= {303, 409, 200}


def test_t4_a_state_that_was_used_is_refused_though_no_outcome_is_known(
    lab: Lab, address: str, browser: Browser
) -> None:
    url = to_the_callback(lab, address, browser)
    lab.edit("once", "login", ids.sha256_hex(state_of(url)), state="used")
    assert failed(browser.get(url), 409, "login_used")
    assert token_requests(lab, address) == []


def test_a_reload_after_success_says_already_connected(
    lab: Lab, address: str, browser: Browser
) -> None:
    url = to_the_callback(lab, address, browser)
    browser.get(url)
    page = browser.get(url)
    assert (page.status, page.title) == (200, "This mailbox is already connected")
    assert token_requests(lab, address) == ["ok"]


def test_a_reload_after_a_failure_says_again_what_it_was(lab: Lab, browser: Browser) -> None:
    url = cancelled(lab, browser)
    for _ in range(2):
        assert failed(browser.get(url), 400, "cancelled")


def cancelled(lab: Lab, browser: Browser) -> str:
    """The callback's address after Cancel at Microsoft."""
    return to_the_callback(lab, "ada@outlook.example", browser, choose="cancel")


# T5, T6: the answer has to belong to this login


def test_t5_a_code_of_another_login_is_refused(lab: Lab, address: str, browser: Browser) -> None:
    own = to_the_callback(lab, address, browser)
    foreign = to_the_callback(lab, f"other.{address}", lab.browser())
    code = parse_qs(urlsplit(foreign).query)["code"][0]
    page = browser.get(f"{lab.host.base_url}/api/callback?code={code}&state={state_of(own)}")
    assert failed(page, 400, "code_refused")
    assert not accounts_of(lab, f"other.{address}")


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "2f8ac4c6-0000-4000-8000-000000000bad"},
        {"iss": "https://login.evil.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"tid": "11111111-2222-4333-8444-555555555555"},  # the issuer is another tenant's then
        {"tid": None},
        {"oid": None},
        {"oid": "../not-a-guid"},
    ],
    ids=str,
)
def test_t6_an_id_token_that_does_not_fit_is_refused(
    lab: Lab, address: str, lie: dict[str, object]
) -> None:
    lab.microsoft.next_id_token(**lie)
    assert failed(lab.connect(address), 400, "id_token_refused")
    assert not accounts_of(lab, address)


# T7: the way back


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "https:evil.example",
        "http://localhost:3000@evil.example/",
        "http://localhost:3000.evil.example/",
        "http://localhost:30000/",
        "https://localhost:3000/",
        "http://localhost:3000\\@evil.example/",
        "http://localhost:3000\t@evil.example/",
        "javascript:alert(1)//localhost:3000",
        "data:text/html,x",
        "/relative",
    ],
)
def test_t7_a_foreign_return_to_is_refused_by_page_and_form(lab: Lab, target: str) -> None:
    asked = requests.get(lab.login_url, params={"return_to": target}, timeout=10)
    assert (asked.status_code, "return_to_refused" in asked.text) == (400, True)
    form = own_form(requests.get(lab.login_url, timeout=10))
    form["data"]["return_to"] = target
    sent = send(lab, form)
    assert (sent.status_code, "Location" in sent.headers) == (400, False)


def test_t7_no_known_payload_begins_a_login(app: SteppedApp, open_redirects: list[str]) -> None:
    guest = Guest(app)
    form = fields(guest.ask("/api/login").html)
    for payload in open_redirects:
        asked = guest.ask(f"/api/login?{urlencode({'return_to': payload})}")
        begun = guest.press(form | {"return_to": payload})
        assert (asked.status, begun.status, begun.location) == (400, 400, ""), payload
        raw = guest.ask(f"/api/login?return_to={payload}")  # as it stands in the list
        assert raw.status == 400 or fields(raw.html).get("return_to", "") == "", payload
    assert app.rows("once", PartitionKey="login") == []


def test_t7_a_path_that_looks_like_another_site_stays_where_it_is_allowed(
    app: SteppedApp, address: str
) -> None:
    back = "http://localhost:3000//evil.example/%2e%2e/%5cevil.example?u=//evil.example"
    answer = Guest(app).connect(f"/api/login?{urlencode({'return_to': back})}", address)
    assert (answer.status, answer.location.startswith(f"{back}&status=connected")) == (303, True)


def test_t7_an_allowed_return_to_is_followed_with_status_and_reference(
    lab: Lab, address: str, browser: Browser
) -> None:
    login = f"{lab.login_url}?return_to={quote(ALLOWED, safe='')}"
    page = lab.connect(address, login_url=login, browser=browser, stop_at=ALLOWED)
    query = parse_qs(urlsplit(page.url).query, keep_blank_values=True)
    assert len(query.pop("result")) == 1
    assert query == {"tab": ["mail"], "status": ["connected"], "reference": [""]}


def test_start_again_keeps_the_way_back(lab: Lab, browser: Browser) -> None:
    login = f"{lab.login_url}?return_to={quote(ALLOWED, safe='')}"
    page = lab.connect("ada@outlook.example", login_url=login, browser=browser, choose="cancel")
    assert f'href="{login}"' in page.html


# T8, T9: nothing of a request is shown or believed


@pytest.mark.parametrize("name", ["state", "error", "error_description", "code", "session_state"])
def test_t8_a_script_in_the_callback_never_appears(lab: Lab, browser: Browser, name: str) -> None:
    page = browser.get(f"{lab.host.base_url}/api/callback?{name}={quote(CANARY)}")
    assert page.status == 400
    assert "canary" not in page.html


def test_t8_a_script_in_microsofts_error_never_appears(lab: Lab, browser: Browser) -> None:
    state = state_of(cancelled(lab, browser))
    error = f"error={quote(CANARY)}&error_description={quote(CANARY)}&state={state}"
    page = browser.get(f"{lab.host.base_url}/api/callback?{error}")
    assert failed(page, 503, "microsoft_unavailable")
    assert "canary" not in page.html and "canary" not in lab.host.log()


@pytest.mark.parametrize(
    "path",
    ["login", "login?return_to=https://evil.example", "callback", "callback?state=x", "connected"],
)
def test_t9_no_header_changes_a_page(lab: Lab, path: str) -> None:
    url, cookies = f"{lab.host.base_url}/api/{path}", {"login_form": "A" * 43}
    honest = requests.get(url, cookies=cookies, timeout=10)
    told = requests.get(url, cookies=cookies, headers=EVIL, timeout=10)
    assert told.content == honest.content
    assert told.headers.get("Set-Cookie") == honest.headers.get("Set-Cookie")


def test_t9_no_header_changes_where_microsoft_sends_the_browser(lab: Lab) -> None:
    form = own_form(requests.get(lab.login_url, timeout=10))
    sent = send(lab, form | {"headers": EVIL})
    assert sent.status_code == 303
    redirect = parse_qs(urlsplit(sent.headers["Location"]).query)["redirect_uri"]
    assert redirect == [f"{lab.host.base_url}/api/callback"]


# What else may come to the callback


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "state_missing"),
        ("code=x", "state_missing"),
        ("code=x&state=", "state_missing"),
        ("code=x&state=short", "login_unknown"),
        (f"code=x&state={'A' * 43}", "login_unknown"),
        (f"error=access_denied&state={'A' * 43}", "login_unknown"),
        (f"code=x&state={'A' * 43}%00", "login_unknown"),
        (f"code=x&state={'ß' * 43}", "login_unknown"),
    ],
)
def test_a_callback_that_belongs_to_no_login_is_refused(
    lab: Lab, browser: Browser, query: str, code: str
) -> None:
    assert failed(browser.get(f"{lab.host.base_url}/api/callback?{query}"), 400, code)


def test_a_doubled_state_is_no_state(lab: Lab, address: str, browser: Browser) -> None:
    url = to_the_callback(lab, address, browser)
    page = browser.get(f"{url}&state={'A' * 43}")
    assert failed(page, 400, "state_missing")
    assert token_requests(lab, address) == []


def test_a_callback_without_a_code_is_refused(lab: Lab, address: str, browser: Browser) -> None:
    state = state_of(to_the_callback(lab, address, browser))
    page = browser.get(f"{lab.host.base_url}/api/callback?state={state}")
    assert failed(page, 400, "state_missing")


def test_cancelling_at_microsoft_is_no_mystery(lab: Lab, browser: Browser) -> None:
    page = browser.get(cancelled(lab, browser))
    assert failed(page, 400, "cancelled")
    assert page.title == "You cancelled the sign-in"


def test_a_login_that_took_too_long_has_expired(lab: Lab, address: str, browser: Browser) -> None:
    url = to_the_callback(lab, address, browser)
    key = ids.sha256_hex(state_of(url))
    lab.edit("once", "login", key, expires_at="2020-01-01T00:00:00Z")
    page = browser.get(url)
    # The timer may have purged the row already.
    assert failed(page, 400, "login_expired") or failed(page, 400, "login_unknown")
    assert token_requests(lab, address) == []


def test_without_the_permission_to_read_mail_nothing_is_connected(lab: Lab, address: str) -> None:
    lab.microsoft.grant_scopes(["https://outlook.office.com/SMTP.Send"])
    page = lab.connect(address)
    assert failed(page, 400, "scopes_missing")
    assert page.title == "Permission is missing"
    assert not accounts_of(lab, address)


def test_the_permission_may_be_spelled_in_any_case(lab: Lab, address: str) -> None:
    lab.microsoft.grant_scopes(["https://outlook.office365.com/imap.accessasuser.all"])
    assert lab.connect(address).title == "Your mailbox is connected"


def test_what_microsoft_asks_of_the_person_is_said(lab: Lab, address: str) -> None:
    lab.microsoft.next_answers("token", {"kind": "policy"})
    page = lab.connect(address)
    assert failed(page, 400, "policy_refused")
    assert "Ask your administrator" in page.text


def test_our_own_fault_is_ours_and_names_no_secret(lab: Lab, address: str) -> None:
    lab.microsoft.next_answers("token", {"kind": "secret_expired"})
    page = lab.connect(address)
    assert failed(page, 500, "operator_credentials")
    assert "AADSTS" not in page.html and lab.services.client_secret not in page.html
    said = '{"event": "login_failed", "code": "operator_credentials", "detail": "AADSTS7000222"}'
    assert f"ERROR shared.connect {said}" in lab.host.log()


@pytest.mark.parametrize("fault", ["status", "html", "drop"])
def test_f2_where_microsoft_is_down_a_new_login_works(
    lab: Lab, address: str, browser: Browser, fault: str
) -> None:
    lab.microsoft.next_answers("token", {"kind": fault, "for_username": address})
    page = lab.connect(address, browser=browser)
    assert failed(page, 503, "microsoft_unavailable")
    assert not accounts_of(lab, address)
    assert lab.connect(address, browser=browser).title == "Your mailbox is connected"


# How the app is set up


def test_without_open_connect_the_login_is_closed(start_lab: StartLab) -> None:
    lab = start_lab(settings={"OPEN_CONNECT": ""})
    page = lab.browser().get(lab.login_url)
    assert failed(page, 403, "login_closed")
    form = {"data": {"token": "x"}, "cookies": {"login_form": "x"}}
    assert send(lab, form).status_code == 403


def test_f53_without_settings_the_page_says_that_the_app_is_not_ready(start_lab: StartLab) -> None:
    lab = start_lab(settings={"CLIENT_ID": "<client id>", "WEBHOOK_SECRET": "whsec_canary!"})
    page = lab.browser().get(lab.login_url)
    assert (page.status, page.title) == (500, "The application is not ready")
    health = requests.get(f"{lab.host.base_url}/api/health", timeout=10)
    assert health.status_code == 503
    named = {one["setting"] for one in health.json()["problems"]}
    assert named == {"CLIENT_ID", "WEBHOOK_SECRET"}
    assert "canary" not in page.html + health.text + lab.host.log()
