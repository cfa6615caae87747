"""OPEN_LOGINS_LIMIT: how many logins open connect keeps; `make soak` has the long form."""

import pytest
from bs4 import BeautifulSoup

from tests.conftest import StartLab
from tests.lab.flood import button, flood, open_logins
from tests.lab.lab import Lab

_LIMIT = 20


@pytest.fixture
def limited(start_lab: StartLab) -> Lab:
    """An app whose timer does not run: nothing is purged."""
    return start_lab(settings={"OPEN_LOGINS_LIMIT": str(_LIMIT)})


def test_t33_a_flood_of_logins_stores_the_limit_and_what_is_in_flight(limited: Lab) -> None:
    found = flood(limited, gets=20, posts=60)
    assert (found.pages, found.rows_of_pages) == ({200: 20}, 0)
    assert set(found.answers) == {303, 429}
    assert _LIMIT <= found.open == found.answers[303] <= _LIMIT + found.threads, str(found)


def test_t33_beyond_the_limit_the_page_says_so_and_nothing_is_stored(limited: Lab) -> None:
    press = button(limited)
    for _ in range(_LIMIT):
        assert press().status_code == 303
    answer = press()
    page = BeautifulSoup(answer.text, "html.parser")
    assert (answer.status_code, "too_many_logins" in page.get_text()) == (429, True)
    assert answer.headers["Retry-After"] == "60"
    assert page.select_one('a.button[href$="/api/login"]')
    assert "Location" not in answer.headers and "Set-Cookie" not in answer.headers
    assert len(open_logins(limited)) == _LIMIT


def test_t33_expired_and_used_logins_free_their_places(limited: Lab) -> None:
    press = button(limited)
    while press().status_code == 303:
        pass
    keys = open_logins(limited)
    limited.edit("once", "login", keys[0], expires_at="2020-01-01T00:00:00Z")
    limited.edit("once", "login", keys[1], state="used")
    limited.edit("once", "login", keys[2], state="done")
    assert [press().status_code for _ in range(5)] == [303, 303, 303, 429, 429]


def test_t33_a_full_house_does_not_hold_up_who_is_inside(limited: Lab, address: str) -> None:
    browser = limited.browser()
    limited.person(address)
    chosen = limited.connect(address, browser=browser, stop_at=f"{limited.host.base_url}/api/call")
    press = button(limited)
    while press().status_code == 303:
        pass
    assert browser.get(chosen.url).title == "Your mailbox is connected"
