"""The web application of examples/: from its button to the first mail, and what it refuses."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from tests.flows.browsing import heading, press, sign_in
from tests.lab.example_app import ExampleApp, command
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.ports import free_port
from tests.lab.processes import ROOT, plain_environment
from tests.lab.waiting import wait_until


@pytest.fixture
def example(example_lab: Lab, example_port: int, tmp_path: Path) -> Iterator[ExampleApp]:
    """The application, with nothing in its database."""
    database = {"DATABASE": str(tmp_path / "database")}
    running = ExampleApp(example_lab, "web", tmp_path, example_port, database)
    yield running
    running.stop()


def enter(page: Page, example: ExampleApp, user: str = "Ada") -> None:
    page.goto(example.url)
    press(page.get_by_role("button", name=user))


def connect(lab: Lab, page: Page, address: str) -> str:
    """From the application's button to its page again; gives the address that led back."""
    lab.person(address)
    press(page.get_by_role("button", name="Connect"))
    return go_on(page, address)


def go_on(page: Page, address: str) -> str:
    """From our page through Microsoft's; gives the address that led back to the application."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    press(page.get_by_role("button", name="Continue to Microsoft"))
    press(page.locator(f'button[value="{address}"]'))
    if page.locator("#accept").count():  # not asked a second time
        press(page.locator("#accept"))
    return next((url for url in asked if "/connected?" in url and "result=" in url), "")


def mail(page: Page, subject: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=subject))


def with_link(example: ExampleApp, user: str) -> tuple[requests.Session, str]:
    """A browser in which somebody is signed in, and an invitation that he asked for."""
    session = requests.Session()
    session.post(f"{example.url}/sign-in/{user}", timeout=10)
    answer = session.post(f"{example.url}/connect", timeout=60, allow_redirects=False)
    assert answer.status_code == 303
    return session, answer.headers["Location"]


def event(kind: str, account: str, at: str = "", **data: Any) -> bytes:
    at = at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"id": account, "address": "x@y.example", "reference": "ada", "labels": []}
    return json.dumps({"type": kind, "timestamp": at, "data": {"account": about} | data}).encode()


def test_from_the_button_to_the_first_mail(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    assert heading(page) == "Bring your mail here"
    connect(example_lab, page, address)
    assert page.url == f"{example.url}/"
    expect(page.get_by_role("heading", name=address)).to_be_visible()
    example_lab.mail(address, made_up(address, "The first one", "Good morning!"))
    first = mail(page, "The first one")
    expect(first).to_contain_text("Good morning!", timeout=40_000)  # nobody reloads
    expect(first).to_contain_text("yuki@sender.example")
    assert all("\\Seen" not in flags for flags in example_lab.dovecot.flags(address).values())


def test_a_forged_result_is_refused(example: ExampleApp, page: Page) -> None:
    enter(page, example)
    for forged in ("forged", secrets.token_urlsafe(32), "", "'\"><script>", "x" * 3000):
        query = f"status=connected&reference=ada&result={quote(forged)}"
        answer = page.goto(f"{example.url}/connected?{query}")
        assert answer is not None and answer.status == 403
        assert heading(page) == "This way back is not valid"
    press(page.get_by_role("link", name="Back to your mail"))
    assert heading(page) == "Bring your mail here"


def test_a_result_is_good_once(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    back = connect(example_lab, page, address)
    assert parse_qs(urlsplit(back).query)["reference"] == ["ada"]
    page.goto(back)
    assert heading(page) == "This way back is not valid"
    press(page.get_by_role("link", name="Back to your mail"))
    expect(page.get_by_role("heading", name=address)).to_be_visible()


@pytest.mark.parametrize("victim", ["Grace", ""], ids=["a user", "a stranger"])
def test_whoever_follows_anothers_link_gives_him_nothing(
    example_lab: Lab, example: ExampleApp, page: Page, address: str, victim: str
) -> None:
    ada, link = with_link(example, "ada")
    if victim:
        enter(page, example, victim)
    sign_in(example_lab, page, address, link)
    example_lab.mail(address, made_up(address, "Not for Ada"))
    press(page.locator("#accept"))
    assert heading(page) == "This was not your sign-in"
    with pytest.raises(LookupError):
        example_lab.account(address)
    example.wait_for(1)
    for shown in (ada.get(example.url, timeout=10).text, page.content()):
        assert address not in shown and "Not for Ada" not in shown


def test_anothers_result_takes_nothing_from_whom_the_mailbox_is(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    _, link = with_link(example, "ada")  # Ada again, who goes on in Grace's browser
    press(page.get_by_role("button", name="Sign out"))
    enter(page, example, "Grace")
    page.goto(link)
    go_on(page, address)
    assert heading(page) == "This was not your sign-in"
    assert example_lab.account(address)["reference"] == "ada"
    press(page.get_by_role("button", name="Sign out"))
    enter(page, example)
    expect(page.get_by_role("heading", name=address)).to_be_visible()


def test_nobody_connects_who_is_not_signed_in(example: ExampleApp, page: Page) -> None:
    answer = requests.post(f"{example.url}/connect", timeout=10, allow_redirects=False)
    assert (answer.status_code, "Location" in answer.headers) == (401, False)
    page.goto(example.url)
    forged = "eyJ1c2VyIjoiYWRhIn0=.aSZz9g.AAAA"
    page.context.add_cookies([{"name": "session", "value": forged, "url": example.url}])
    page.reload()
    assert heading(page) == "Sign in"


def test_the_session_is_for_the_server_alone(example: ExampleApp) -> None:
    url = f"{example.url}/sign-in/ada"
    cookie = requests.post(url, timeout=10, allow_redirects=False).headers["Set-Cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie


def test_a_forged_webhook_is_refused_and_not_shown(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    account = example_lab.account_id(address)
    forged = event("mail.received", account, subject="Forged", text="Forged")
    for body in (forged, b"", b"\xff", b"{}"):
        assert requests.post(f"{example.url}/webhooks", body, timeout=10).status_code == 401
        assert example.post("msg_forged", body, b"o" * 32).status == 401
    page.reload()
    expect(mail(page, "Forged")).to_have_count(0)


def test_i2_a_webhook_that_comes_twice_is_shown_once(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    example_lab.mail(address, made_up(address, "Once"))
    [webhook] = example_lab.receiver.wait_for(1, address)
    expect(mail(page, "Once")).to_have_count(1, timeout=40_000)
    before = example.answered()
    path = f"deliveries/{webhook['headers']['webhook-id']}/replay"
    assert example_lab.host.api("POST", path, json={}).status_code == 202
    example.wait_for(before + 1)
    page.reload()
    expect(mail(page, "Once")).to_have_count(1)


def test_a_strangers_script_is_text(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    evil = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    sender = '"<b>Eve</b><script>1</script>" <eve@sender.example>'
    example_lab.mail(address, made_up(address, evil, f"{evil} {{{{ 7*7 }}}}", From=sender))
    shown = page.get_by_role("article")
    expect(shown).to_contain_text("{{ 7*7 }}", timeout=40_000)
    for text in (evil, "<b>Eve</b>"):
        expect(shown).to_contain_text(text)
    assert shown.locator("script, img, b").count() == 0
    assert page.title() == "Your mail"


def test_who_has_to_sign_in_again_is_told_where(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    example_lab.microsoft.revoke(address)
    example_lab.microsoft.expire_access_tokens(address)
    example_lab.check(address)
    [told] = example_lab.receiver.wait_for(1, address, "account.reconnect_required")
    fix = page.get_by_role("link", name="Put it right")
    wait_until(lambda: page.reload() and fix.count(), 20, "the link")
    assert fix.get_attribute("href") == told["body"]["data"]["link"]
    expect(page.get_by_text(told["body"]["data"]["message"])).to_be_visible()
    press(fix)
    go_on(page, address)
    example_lab.receiver.wait_for(1, address, "account.restored")
    page.goto(example.url)
    wait_until(lambda: page.reload() and not fix.count(), 20, "no link any more")


def test_a_mailbox_that_was_disconnected_is_gone_with_its_mail(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    example_lab.mail(address, made_up(address, "Soon gone"))
    expect(mail(page, "Soon gone")).to_be_visible(timeout=40_000)
    example_lab.host.api("DELETE", f"accounts/{example_lab.account_id(address)}")
    gone = page.get_by_role("heading", name="Bring your mail here")
    wait_until(lambda: page.reload() and gone.count(), 20, "the mailbox is gone")
    assert b"Soon gone" not in Path(example.environment["DATABASE"]).read_bytes()


def test_a_farewell_that_comes_late_ends_nothing(
    example_lab: Lab, example: ExampleApp, page: Page, address: str
) -> None:
    enter(page, example)
    connect(example_lab, page, address)
    account = example_lab.account_id(address)
    late = event("account.disconnected", account, "2026-01-01T00:00:00Z")
    assert example.post("msg_late", late).status == 204
    page.reload()
    expect(page.get_by_role("heading", name=address)).to_be_visible()


def test_an_event_of_an_endpoint_is_accepted(example: ExampleApp) -> None:
    body = {"type": "endpoint.test", "timestamp": "2026-01-01T00:00:00Z"}
    about = {"endpoint": {"id": "ep_1", "description": ""}}
    assert example.post("msg_test", json.dumps(body | {"data": about}).encode()).status == 204


def test_where_unseen_is_away_the_page_says_so_and_tells_no_secret(
    example: ExampleApp, page: Page
) -> None:
    example.stop()
    example.environment["UNSEEN_URL"] = f"http://localhost:{free_port()}"
    example.start()
    enter(page, example)
    press(page.get_by_role("button", name="Connect"))
    assert heading(page) == "Mailboxes can\u2019t be connected right now"
    told = page.content() + example.log_file.read_text()
    assert example.environment["UNSEEN_KEY"] not in told


def said_at_start(name: str, folder: Path, **environment: str) -> str:
    """What it says where it does not start."""
    environment |= plain_environment() | {"DATABASE": str(folder / "unused")}
    run = subprocess.run(
        command(name, free_port()), cwd=ROOT, env=environment, capture_output=True, timeout=30
    )
    assert run.returncode
    return run.stderr.decode()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("web", {"APP_URL", "SESSION_SECRET", "UNSEEN_URL", "UNSEEN_KEY", "WEBHOOK_SECRET"}),
        ("support_inbox", {"UNSEEN_URL", "UNSEEN_KEY", "WEBHOOK_SECRET"}),
    ],
)
def test_all_that_is_not_set_is_named(tmp_path: Path, name: str, wanted: set[str]) -> None:
    said = said_at_start(name, tmp_path)
    assert set(re.findall("[A-Z_]{7,}", said)) == wanted
    wrong = dict.fromkeys(wanted, "x") | {"WEBHOOK_SECRET": "whsec_x"}
    said = said_at_start(name, tmp_path, **wrong)
    assert said.startswith("WEBHOOK_SECRET is no webhook secret")


def test_the_sign_in_without_a_password_is_for_localhost_only(
    example_lab: Lab, tmp_path: Path
) -> None:
    changed = {"APP_URL": "https://app.example.com", "DATABASE": str(tmp_path / "database")}
    deployed = ExampleApp(example_lab, "web", tmp_path, free_port(), changed)
    try:
        assert requests.post(f"{deployed.url}/sign-in/ada", timeout=10).status_code == 404
    finally:
        deployed.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_fits_a_phone_and_axe_finds_nothing(
    example_lab: Lab,
    example: ExampleApp,
    chromium: Browser,
    address: str,
    scheme: Literal["light", "dark"],
) -> None:
    # The policy would refuse axe, which is not the application's.
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True, ignore_https_errors=True)
    page = context.new_page()
    faults = looked_at(page, example.url)
    press(page.get_by_role("button", name="Ada"))
    faults += looked_at(page, f"{example.url}/connected?result=x") + looked_at(page, example.url)
    connect(example_lab, page, address)
    example_lab.mail(address, made_up(address, "Long" * 40, "word" * 200))
    expect(mail(page, "Long" * 40)).to_be_visible(timeout=40_000)
    faults += looked_at(page, example.url)
    context.close()
    assert not faults


def looked_at(page: Page, url: str) -> list[str]:
    """What is wrong with a page: wider than its window, or found by axe."""
    page.goto(url)
    found = []
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{url} is wider than {width}")
        page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text())
        violations = page.evaluate("async () => (await axe.run()).violations")
        found += [f"{url} {one['id']} {one['nodes'][0]['html'][:200]}" for one in violations]
    return found
