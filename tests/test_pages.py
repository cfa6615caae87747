"""The pages: plain, without script, everything escaped."""

import base64
import hashlib
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup, Tag

from shared.catalogue import ENTRIES
from shared.pages import Look
from shared.stylesheet import MARK, MOODS

_EVIL = "\"><script>alert('canary')</script>&amp;'"
_LOOK = Look("Unseen", "https://login.microsoftonline.com", https=True)
_HOSTILE = Look(_EVIL, "https://login.microsoftonline.com", https=True)
_HIDDEN = {"token": "t0ken", "login": "k3y"}


def every_page(look: Look, text: str) -> dict[str, str]:
    """Each kind of page, with the text wherever a page takes one."""
    failures = {f"failed {code}": look.failed(code, f"https://x/?{text}") for code in ENTRIES}
    return failures | {
        "login": look.login({"token": text, text: "value"}),
        "connected": look.connected(text),
        "already": look.connected(text, already=True),
        "checking": look.connected(text, checking=True),
        "blocked": look.blocked("imap_denied", text, {"login": text}),
    }


_PAGES = every_page(_HOSTILE, _EVIL)


def parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def one(html: str, selector: str) -> Tag:
    """The one element of a page that the selector names."""
    (found,) = parsed(html).select(selector)
    return found


@pytest.mark.parametrize("name", _PAGES)
def test_t8_no_page_has_script_of_anybody(name: str) -> None:
    page = parsed(_PAGES[name])
    assert not page(["script", "iframe", "object", "img", "link", "base"])
    ours = {str(parsed(drawing)) for drawing in (MARK, *MOODS.values())}
    assert {str(drawing) for drawing in page("svg")} <= ours
    handlers = [attribute for tag in page(True) for attribute in tag.attrs if attribute[:2] == "on"]
    assert handlers == []


@pytest.mark.parametrize("name", _PAGES)
def test_t8_names_and_addresses_are_shown_as_text(name: str) -> None:
    assert "<script" not in _PAGES[name]
    assert one(_PAGES[name], "p.who").get_text() == _EVIL
    assert one(_PAGES[name], "title").get_text().endswith(_EVIL)


@pytest.mark.parametrize("name", ["connected", "already", "checking"])
def test_t8_an_address_comes_through_to_the_letter(name: str) -> None:
    assert one(_PAGES[name], "code").get_text() == _EVIL


def test_t8_a_hidden_field_comes_through_to_the_letter() -> None:
    fields = {tag["name"]: tag["value"] for tag in parsed(_PAGES["login"])("input")}
    assert fields == {"token": _EVIL, _EVIL: "value"}


@pytest.mark.parametrize("name", _PAGES)
def test_every_page_says_what_happened_in_one_heading(name: str) -> None:
    assert one(_PAGES[name], "h1").get_text(strip=True)
    assert one(_PAGES[name], "html")["lang"] == "en"


@pytest.mark.parametrize(
    ("marks_seen", "fate"),
    [(False, "stays unread"), (True, "marked as read once it was passed on")],
)
@pytest.mark.parametrize("sends", [False, True])
def test_the_login_page_says_what_will_happen_with_the_mail(
    sends: bool, marks_seen: bool, fate: str
) -> None:
    text = parsed(replace(_LOOK, sends=sends, marks_seen=marks_seen).login({})).get_text()
    assert fate in text
    assert ("to send mail from it" in text) == sends


@pytest.mark.parametrize("code", [code for code in ENTRIES if ENTRIES[code].owner])
def test_a_failure_says_what_happened_and_offers_to_start_again(code: str) -> None:
    html = _LOOK.failed(code, "https://unseen.example.com/api/login?return_to=https%3A")
    assert ENTRIES[code].owner in parsed(html).get_text()
    again = one(html, "a.button")
    assert again.get_text() == "Start again"
    assert again["href"] == "https://unseen.example.com/api/login?return_to=https%3A"


def test_the_login_page_names_who_asks_and_what_will_happen() -> None:
    html = _LOOK.login(_HIDDEN)
    assert "Unseen would like to read new mail" in parsed(html).get_text()
    assert "your password is never seen here" in parsed(html).get_text()
    form = one(html, "form")
    assert (form["method"], form["action"]) == ("post", "login")


def test_a_blocked_mailbox_can_be_checked_again_or_named_otherwise() -> None:
    html = _LOOK.blocked("imap_denied", "ada@outlook.example", _HIDDEN)
    actions = [tag["value"] for tag in parsed(html).select("form input[name=action]")]
    assert actions == ["check", "address"]
    assert one(html, "input[name=address]")["value"] == "ada@outlook.example"
    assert "Let devices and apps use POP or IMAP" in parsed(html).get_text()
    assert one(html, "a")["href"] == ENTRIES["imap_denied"].link


def test_a_page_without_an_address_leaves_no_gap() -> None:
    assert not parsed(_LOOK.connected("")).find("code")


@pytest.mark.parametrize(
    ("already", "checking", "heading"),
    [
        (False, False, "Your mailbox is connected"),
        (True, False, "This mailbox is already connected"),
        (False, True, "Signed in, still checking"),
    ],
)
def test_a_connected_mailbox_says_how_it_stands(
    already: bool, checking: bool, heading: str
) -> None:
    html = _LOOK.connected("ada@outlook.example", already=already, checking=checking)
    assert one(html, "h1").get_text() == heading


@pytest.mark.parametrize("code", ["cancelled", "login_expired", "too_many_logins"])
def test_what_only_has_to_be_begun_again_does_not_look_like_a_fault(code: str) -> None:
    assert one(_LOOK.failed(code, "x"), "main")["class"] == ["note"]
    assert one(_LOOK.failed("imap_denied", "x"), "main")["class"] == ["bad"]


def test_a_page_that_is_still_checking_can_be_looked_at_again() -> None:
    html = _LOOK.connected("ada@outlook.example", checking=True, again="connected?login=k3y")
    again = one(html, "a.button")
    assert (again["href"], again.get_text()) == ("connected?login=k3y", "Look again")


def test_t8_the_policy_lets_nothing_in_but_our_own_style() -> None:
    policy = _LOOK.headers()["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert directives["form-action"] == "'self' https://login.microsoftonline.com"
    assert directives["style-src"].startswith("'sha256-")
    assert set(directives) == {
        *("default-src", "style-src", "base-uri", "form-action", "frame-ancestors")
    }


def test_the_policys_hash_is_that_of_the_style_on_the_page() -> None:
    style = one(_LOOK.login({}), "style").get_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in _LOOK.headers()["Content-Security-Policy"]


def test_t10_pages_are_not_kept_framed_or_told_of() -> None:
    found = _LOOK.headers(referrer="no-referrer")
    assert found["Cache-Control"] == "no-store"
    assert found["X-Frame-Options"] == "DENY"
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Referrer-Policy"] == "no-referrer"


def test_a_page_with_a_form_lets_the_browser_say_where_it_comes_from() -> None:
    assert _LOOK.headers()["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("https", [True, False])
def test_strict_transport_is_asked_for_exactly_over_https(https: bool) -> None:
    headers = Look("Unseen", "https://login.microsoftonline.com", https=https).headers()
    assert ("Strict-Transport-Security" in headers) is https
