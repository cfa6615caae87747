"""Endpoints and deliveries through the running host: what an operator's program meets."""

from typing import Any

import pytest
import requests

from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.waiting import wait_until

_UNKNOWN = "ep_" + "a" * 26
_EVENT = "msg_" + "a" * 26 + "_" + "b" * 20


def made(lab: Lab, **body: Any) -> dict[str, Any]:
    answer = lab.host.api("POST", "endpoints", json={"url": lab.receiver.hook_url} | body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and detail of what went wrong."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert told["status"] == answer.status_code and told["title"].endswith(".")
    return answer.status_code, told["code"], told.get("detail", "")


def test_an_endpoint_is_made_shown_changed_and_removed(lab: Lab) -> None:
    new = made(lab, description="Orders", event_types=["mail.received"], enabled=False)
    assert new["secret"].startswith("whsec_")
    path = f"endpoints/{new['id']}"
    shown = lab.host.api("GET", path)
    assert shown.status_code == 200 and "secret" not in shown.json()
    assert shown.headers["cache-control"] == "no-store"
    assert new["secret"] not in lab.host.api("GET", "endpoints").text
    changed = lab.host.api("PATCH", path, json={"description": "Other"})
    assert (changed.status_code, changed.json()["description"]) == (200, "Other")
    removed = lab.host.api("DELETE", path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert problem(lab.host.api("GET", path)) == (404, "endpoint_unknown", "")


def test_a_test_and_a_new_secret(lab: Lab) -> None:
    new = made(lab, enabled=False)
    tested = lab.host.api("POST", f"endpoints/{new['id']}/test")
    assert (tested.status_code, tested.json()["status"]) == (200, 204)
    rotated = lab.host.api("POST", f"endpoints/{new['id']}/rotate-secret")
    assert rotated.json()["secret"] != new["secret"] and rotated.json()["secrets"] == 2
    lab.host.api("DELETE", f"endpoints/{new['id']}")


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({}, "field_invalid", "url"),
        ({"url": "https://a.example", "filter": {"x": 1}}, "field_invalid", "filter.x"),
        ({"url": "https://a.example", "headers": {"Host": "x"}}, "field_invalid", "headers.Host"),
        ({"url": "https://a.example", "event_types": ["x"]}, "field_invalid", "event_types"),
        ([], "field_invalid", "body"),
    ],
    ids=str,
)
def test_bad_input_is_a_400_that_names_the_field(
    lab: Lab, body: Any, code: str, detail: str
) -> None:
    before = lab.host.api("GET", "endpoints").json()
    assert problem(lab.host.api("POST", "endpoints", json=body)) == (400, code, detail)
    assert lab.host.api("GET", "endpoints").json() == before


def test_t15_a_url_into_the_platform_is_a_400_with_the_reason(lab: Lab) -> None:
    answer = lab.host.api("POST", "endpoints", json={"url": "https://169.254.169.254/"})
    status, code, detail = problem(answer)
    assert (status, code) == (400, "endpoint_refused")
    assert detail.startswith("url ")


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_400(lab: Lab, raw: bytes) -> None:
    answer = lab.host.api("POST", "endpoints", data=raw)
    assert problem(answer) == (400, "field_invalid", "body")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", f"endpoints/{_UNKNOWN}", None, "endpoint_unknown"),
        ("PATCH", f"endpoints/{_UNKNOWN}", {}, "endpoint_unknown"),
        ("DELETE", f"endpoints/{_UNKNOWN}", None, "endpoint_unknown"),
        ("POST", f"endpoints/{_UNKNOWN}/test", None, "endpoint_unknown"),
        ("POST", f"endpoints/{_UNKNOWN}/rotate-secret", None, "endpoint_unknown"),
        ("POST", f"endpoints/{_UNKNOWN}/replay", {}, "endpoint_unknown"),
        ("GET", "endpoints/junk", None, "endpoint_unknown"),
        ("POST", f"deliveries/{_EVENT}/replay", None, "delivery_unknown"),
        ("POST", "deliveries/junk/replay", None, "delivery_unknown"),
        ("PATCH", "accounts/acc_" + "a" * 26, {}, "account_unknown"),
    ],
)
def test_unknown_ids_are_a_404(lab: Lab, method: str, path: str, body: Any, code: str) -> None:
    assert problem(lab.host.api(method, path, json=body))[:2] == (404, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "endpoints"), ("POST", "endpoints"), ("GET", "endpoints/ep_settings")),
        *(("PATCH", "endpoints/ep_settings"), ("DELETE", "endpoints/ep_settings")),
        *(("POST", "endpoints/ep_settings/test"), ("POST", "endpoints/ep_settings/replay")),
        *(("POST", "endpoints/ep_settings/rotate-secret"), ("GET", "deliveries")),
        *(("POST", f"deliveries/{_EVENT}/replay"), ("PATCH", "accounts/acc_" + "a" * 26)),
    ],
)
@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_the_key_all_is_a_401(lab: Lab, method: str, path: str, key: str) -> None:
    headers = {"x-functions-key": key} if key else {}
    url = f"{lab.host.base_url}/api/{path}"
    answer = requests.request(method, url, headers=headers, json={}, timeout=20)
    assert answer.status_code == 401


def test_the_settings_endpoint_is_not_removed(lab: Lab) -> None:
    answer = lab.host.api("DELETE", "endpoints/ep_settings")
    assert problem(answer) == (409, "endpoint_of_settings", "")


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=x", "state"), ("state=owed", "account"), ("limit=0", "limit"), ("cursor=!", "cursor")],
)
def test_a_bad_query_of_deliveries_is_a_400(lab: Lab, query: str, field: str) -> None:
    assert problem(lab.host.api("GET", f"deliveries?{query}")) == (400, "field_invalid", field)


def test_a_mail_is_delivered_listed_and_replayed(lab: Lab, address: str) -> None:
    lab.connect(address)
    lab.mail(address, made_up(address, "Hello"))
    lab.check(address)
    (first,) = lab.receiver.wait_for(1, address)
    webhook_id, account_id = first["headers"]["webhook-id"], lab.account(address)["id"]
    done = f"deliveries?state=done&account={account_id}"
    # The receiver has it a moment before the outbox knows.
    wait_until(lambda: webhook_id in lab.host.api("GET", done).text, 20, "it is done")
    answer = lab.host.api("POST", f"deliveries/{webhook_id}/replay")
    assert (answer.status_code, answer.json()["webhook_id"]) == (202, webhook_id)
    wait_until(lambda: len(lab.receiver.received(address, "mail.received")) == 2, 20, "it again")
    again = lab.receiver.received(address, "mail.received")[-1]
    assert again["headers"]["webhook-id"] == webhook_id
    assert again["body"]["data"] == first["body"]["data"]
