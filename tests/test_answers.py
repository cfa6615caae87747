"""The API as a caller meets it: keys, paging, and errors that say what to do."""

import re
from typing import Any

import pytest
import requests

from shared import instants
from tests.conftest import StartLab
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until
from tests.refusals import problem

UNKNOWN = "acc_" + "a" * 26
ODD = ["x", "acc_", "acc_" + "A" * 26, "system", "acc_%27%20or%201", "a" * 900, "acc%23", "%00"]


# Keys


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "accounts"),
        ("GET", f"accounts/{UNKNOWN}"),
        ("DELETE", f"accounts/{UNKNOWN}"),
        ("POST", f"accounts/{UNKNOWN}/check"),
    ],
)
def test_without_the_right_key_there_is_no_answer(lab: Lab, method: str, path: str) -> None:
    url = f"{lab.host.base_url}/api/{path}"
    for headers in ({}, {"x-functions-key": "wrong"}, {"x-functions-key": ""}):
        answer = requests.request(method, url, headers=headers, timeout=10)
        assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("path", ["login", "callback", "connected", "health", "dashboard"])
def test_a_browsers_pages_need_no_key(lab: Lab, path: str) -> None:
    assert requests.get(f"{lab.host.base_url}/api/{path}", timeout=10).status_code in {200, 400}


def test_t13_no_page_has_a_key_in_a_url(lab: Lab, address: str) -> None:
    browser = lab.browser()
    pages = [browser.get(lab.login_url), lab.connect(address, browser=browser)]
    assert not any(re.search(r"[?&](amp;)?code=", page.html) for page in pages)
    assert lab.host.function_key not in "".join(page.html for page in pages)


# Accounts


def test_an_account_shows_what_an_operator_needs_and_no_secret(lab: Lab, address: str) -> None:
    lab.connect(address, "work")
    lab.receiver.wait_for(1, address, "mailbox.ready")
    lab.wait_for_account(address, claim="")
    shown = lab.account(address)
    assert (shown["address"], shown["kind"], shown["status"]) == (address, "work", "active")
    assert (shown["folders"], shown["owed"], shown["dead"]) == (["INBOX"], 0, 0)
    assert shown["last_success_at"] >= shown["connected_at"]
    assert not {"oid", "tid", "generation", "claim"} & set(shown)
    one = lab.host.api("GET", f"accounts/{shown['id']}").json()
    assert one.keys() == shown.keys() and one["id"] == shown["id"]


def test_accounts_come_in_pages(lab: Lab, address: str) -> None:
    for number in range(3):
        lab.connect(f"{number}.{address}")
    found: list[str] = []
    cursor = ""
    for _ in range(3):
        answer = lab.host.api("GET", "accounts", params={"limit": "1", "cursor": cursor})
        page = answer.json()
        found += [one["address"] for one in page["accounts"]]
        cursor = page["cursor"]
    assert cursor == "" and sorted(found) == [f"{number}.{address}" for number in range(3)]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1.5", " 1", "1e2", "000001999", "٣"])
def test_a_limit_that_is_none_is_refused_by_name(lab: Lab, limit: str) -> None:
    answer = lab.host.api("GET", "accounts", params={"limit": limit})
    assert problem(answer) == (400, "field_invalid", "limit")


@pytest.mark.parametrize("cursor", ["x", "....", "YWNj", "c3lzdGVt", "é", "a" * 500])
def test_a_cursor_that_is_none_is_refused_by_name(lab: Lab, cursor: str) -> None:
    answer = lab.host.api("GET", "accounts", params={"cursor": cursor})
    assert problem(answer) == (400, "field_invalid", "cursor")


@pytest.mark.parametrize(
    ("method", "route"), [("GET", "{}"), ("DELETE", "{}"), ("POST", "{}/check")]
)
def test_an_unknown_account_is_a_problem_whatever_its_id(lab: Lab, method: str, route: str) -> None:
    for one in (UNKNOWN, *ODD):
        answer = lab.host.api(method, f"accounts/{route.format(one)}")
        assert problem(answer) == (404, "account_unknown", ""), one


def test_t34_a_removed_account_is_as_unknown_as_one_that_never_was(
    start_lab: StartLab, address: str
) -> None:
    lab = start_lab()  # no timer: nobody goes on with the removal
    lab.connect(address)
    row = lab.wait_for_account(address, claim="")
    removed = row["RowKey"]
    lab.edit("accounts", row["PartitionKey"], removed, deleted_at="2026-01-01T00:00:00Z")
    for method, route in (
        *(("GET", "{}"), ("PATCH", "{}"), ("DELETE", "{}"), ("POST", "{}/check")),
        ("POST", "{}/access-token"),
    ):
        body: dict[str, Any] = {"json": {"labels": []}} if method == "PATCH" else {}
        one, other = (
            lab.host.api(method, f"accounts/{route.format(account)}", **body)
            for account in (removed, UNKNOWN)
        )
        assert (one.status_code, one.content) == (other.status_code, other.content), route


# Check now


def test_asked_to_check_an_account_is_looked_at_now(start_lab: StartLab, address: str) -> None:
    lab = start_lab()  # no timer
    lab.connect(address)
    first = lab.wait_for_account(address, claim="")["last_success_at"]
    account_id = lab.account(address)["id"]
    wait_until(lambda: instants.text(instants.now()) > first, 3)
    answer = lab.host.api("POST", f"accounts/{account_id}/check")
    assert (answer.status_code, answer.json()) == (202, {"id": account_id, "enqueued": True})
    wait_until(lambda: lab.account(address)["last_success_at"] > first)


def test_while_it_is_being_checked_no_second_message_is_sent(lab: Lab, address: str) -> None:
    lab.connect(address)
    row = lab.wait_for_account(address)
    claimed: dict[str, Any] = {"claim": "f" * 16, "next_due_at": "2999-01-01T00:00:00Z"}
    lab.edit("accounts", row["PartitionKey"], row["RowKey"], **claimed)
    answer = lab.host.api("POST", f"accounts/{row['RowKey']}/check")
    assert (answer.status_code, answer.json()["enqueued"]) == (202, False)


def test_an_account_whose_owner_has_to_sign_in_is_a_conflict(lab: Lab, address: str) -> None:
    lab.connect(address)
    lab.wait_for_account(address, claim="")
    lab.microsoft.revoke(address)
    lab.microsoft.expire_access_tokens(address)
    row = lab.wait_for_account(address, status="reconnect_required")
    answer = lab.host.api("POST", f"accounts/{row['RowKey']}/check")
    assert problem(answer) == (409, "account_inactive", "")


# Health


def test_health_is_one_word_for_anybody(lab: Lab) -> None:
    answer = requests.get(f"{lab.host.base_url}/api/health", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_details_of_health_want_a_key(lab: Lab) -> None:
    url = f"{lab.host.base_url}/api/health/details"
    assert requests.get(url, timeout=10).status_code == 401

    def ticked() -> Any:
        return lab.host.api("GET", "health/details").json()["timer"]["last_tick"]

    assert wait_until(ticked) > "2026"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_method_that_is_not_there_is_not_found(lab: Lab, method: str) -> None:
    answer = requests.request(method, f"{lab.host.base_url}/api/callback", timeout=10)
    assert answer.status_code == 404
