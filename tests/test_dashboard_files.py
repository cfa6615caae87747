"""The dashboard's files: static, without data, under a policy that lets nothing else in."""

import re
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from shared import dashboard_files, events
from shared.dashboard_files import File
from shared.stylesheet import CONTROLS, TOKENS
from tests.lab.lab import Lab

_FOLDER = Path(dashboard_files.__file__).with_name("dashboard")
_MODULES = sorted(one.name for one in _FOLDER.glob("*.js"))


def page() -> BeautifulSoup:
    return BeautifulSoup(dashboard_files.page().content, "html.parser")


def text(name: str) -> str:
    found = dashboard_files.file(name)
    assert found
    return found.content.decode()


def names_of(constant: str) -> set[str]:
    """The names in one of the objects of words.js."""
    found = re.search(rf"export const {constant} = \{{\n(.*?)\n\}};", text("words.js"), re.DOTALL)
    assert found
    return {one.strip('"') for one in re.findall(r'^  ("?[\w.]+"?):', found[1], re.MULTILINE)}


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    assert [tag for tag in page()("script") if tag.get_text() or not tag.get("src")] == []
    assert not page()("style") and not page().select("[style]")
    handlers = [name for tag in page()(True) for name in tag.attrs if name.startswith("on")]
    assert handlers == []


def test_all_that_the_page_asks_for_is_there_and_nothing_is_asked_of_others() -> None:
    asked = [tag["src"] for tag in page()("script")] + [tag["href"] for tag in page()("link")]
    assert len(asked) > len(_MODULES)
    for url in asked:
        assert str(url).startswith("dashboard/")
        assert dashboard_files.file(str(url).removeprefix("dashboard/"))
    for name in dashboard_files.names() - {"icon.svg"}:
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg|app\.example\.com)", text(name))
        assert not re.search(r"url\(|@import|@font-face", text(name))


@pytest.mark.parametrize("module", _MODULES)
def test_a_module_is_loaded_ahead_and_imports_only_what_is_there(module: str) -> None:
    ahead = {tag["href"] for tag in page().select("link[rel=modulepreload]")}
    assert f"dashboard/{module}" in ahead
    for imported in re.findall(r'from "([^"]+)"', text(module)):
        assert imported.removeprefix("./") in _MODULES


@pytest.mark.parametrize("module", _MODULES)
def test_t8_no_module_makes_markup_of_text(module: str) -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\("
    assert not re.search(sinks, text(module))


def test_t8_the_policy_lets_in_our_own_files_only() -> None:
    policy = dashboard_files.page().headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    ours = {"script-src", "style-src", "img-src", "connect-src"}
    assert {directives.pop(name) for name in ours} == {"'self'"}
    assert directives.pop("require-trusted-types-for") == "'script'"
    nothing = {"default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types"}
    assert directives == dict.fromkeys(nothing, "'none'")


def test_the_style_is_that_of_the_login_pages() -> None:
    style = text("dashboard.css")
    assert style.startswith(TOKENS + CONTROLS)
    own = style.removeprefix(TOKENS + CONTROLS)
    assert all(one.read_text() in own for one in _FOLDER.glob("*.css"))
    assert not re.search(r"#[0-9a-f]{3,8}\b(?!:)(?=[;)])", own)  # colours come from the tokens


def test_the_icon_is_a_drawing_without_script() -> None:
    icon = BeautifulSoup(text("icon.svg"), "html.parser")
    assert icon.svg and icon.svg["xmlns"] == "http://www.w3.org/2000/svg"
    assert not icon("script") and "currentColor" not in text("icon.svg")


@pytest.mark.parametrize(
    "name", ["", "dashboard.html", "../stylesheet.py", "..%2fsettings.py", "app.js/", "APP.JS", "x"]
)
def test_no_other_file_can_be_asked_for(name: str) -> None:
    assert dashboard_files.file(name) is None


@pytest.mark.parametrize(
    ("told", "known"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("", False), ('"b"', False), ("a", False)],
)
def test_a_browser_that_has_the_file_is_recognised(told: str, known: bool) -> None:
    assert File(b"", "text/css", '"a"').is_known(told) is known


def test_every_event_and_state_has_a_word() -> None:
    assert names_of("EVENTS") == set(events.TYPES)
    assert names_of("DELIVERIES") == {"owed", "done", "dead", "held"}
    assert names_of("STANDINGS") >= {"active", "paused", "blocked", "reconnect_required"}


# On the host


def test_the_page_needs_no_key_and_says_nothing_of_this_app(lab: Lab) -> None:
    answer = requests.get(f"{lab.host.base_url}/api/dashboard", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.content == dashboard_files.page().content
    assert lab.host.settings["APP_NAME"] not in answer.text


@pytest.mark.parametrize("name", ["app.js", "dashboard.css", "icon.svg"])
def test_a_file_is_loaded_once_and_asked_after_from_then_on(lab: Lab, name: str) -> None:
    url = f"{lab.host.base_url}/api/dashboard/{name}"
    first = requests.get(url, timeout=10)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-cache")
    second = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
    assert (second.status_code, second.content) == (304, b"")
    assert "script-src 'self'" in second.headers["Content-Security-Policy"]


def test_a_slash_behind_the_name_leads_to_the_page(lab: Lab) -> None:
    answer = requests.get(f"{lab.host.base_url}/api/dashboard/", timeout=10)
    assert (answer.status_code, answer.url) == (200, f"{lab.host.base_url}/api/dashboard")


def test_an_unknown_file_is_not_found(lab: Lab) -> None:
    assert requests.get(f"{lab.host.base_url}/api/dashboard/x.js", timeout=10).status_code == 404
