"""What a caller may say about an endpoint: each field, and each refusal with the field named."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared import endpoint_forms, events
from shared.circuit import Circuit
from shared.endpoints import Endpoint, Secret
from shared.errors import Rejected
from shared.guard import Guard

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_GUARD = Guard(private=False)
_URL = "https://app.example.com/hook?key=7"


def read(body: Any, **options: bool) -> dict[str, Any]:
    return endpoint_forms.read(body, _GUARD, **options)


def refusal(body: Any, **options: bool) -> tuple[str, str, int]:
    with pytest.raises(Rejected) as caught:
        read(body, **options)
    return caught.value.code, caught.value.detail, caught.value.status


def test_every_field_is_read() -> None:
    body = {
        "url": _URL,
        "description": "Order desk – München",
        "event_types": ["mail.received", "account.blocked"],
        "filter": {"from": "@a.example", "has_attachment": True, "header": {"X-Kind": "order"}},
        "headers": {"Authorization": "Bearer x"},
        "all_accounts": False,
        "enabled": True,
    }
    assert read(body) == {
        "url": _URL,
        "description": "Order desk – München",
        "types": ("mail.received", "account.blocked"),
        "filter": {"from": ["@a.example"], "has_attachment": True, "header": {"X-Kind": "order"}},
        "headers": {"Authorization": "Bearer x"},
        "common": False,
        "enabled": True,
    }


@pytest.mark.parametrize("kind", events.TYPES)
def test_every_type_of_event_may_be_chosen(kind: str) -> None:
    assert read({"event_types": kind}) == {"types": (kind,)}


@pytest.mark.parametrize("body", [None, [], "x", 7, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refusal(body) == ("field_invalid", "body", 400)


_LONE_SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"secret": "whsec_x"}, "secret"),
        ({"id": "ep_settings"}, "id"),
        ({"url": 7}, "url"),
        ({"url": "https://a.example/" + "x" * 2000}, "url"),
        ({"url": "https://a.example/\n"}, "url"),
        ({"description": None}, "description"),
        ({"description": "x" * 501}, "description"),
        ({"description": "a\r\nb"}, "description"),
        ({"description": _LONE_SURROGATE}, "description"),
        ({"event_types": ["mail.sent"]}, "event_types"),
        ({"event_types": ["endpoint.test"]}, "event_types"),
        ({"event_types": [7]}, "event_types"),
        ({"event_types": {}}, "event_types"),
        ({"filter": []}, "filter"),
        ({"filter": {"body": "x"}}, "filter.body"),
        ({"filter": {"from": 7}}, "filter.from"),
        ({"filter": {"from": [None]}}, "filter.from"),
        ({"filter": {"labels": ["x"] * 51}}, "filter.labels"),
        ({"filter": {"subject_contains": ["x" * 501]}}, "filter.subject_contains"),
        ({"filter": {"has_attachment": "yes"}}, "filter.has_attachment"),
        ({"filter": {"has_attachment": 1}}, "filter.has_attachment"),
        ({"filter": {"header": ["X-Kind"]}}, "filter.header"),
        ({"filter": {"header": {"X Kind": "a"}}}, "filter.header"),
        ({"filter": {"header": {"X-Kind": 7}}}, "filter.header"),
        ({"filter": {"header": {f"X-{n}": "a" for n in range(21)}}}, "filter.header"),
        ({"headers": []}, "headers"),
        ({"headers": {f"X-{n}": "a" for n in range(21)}}, "headers"),
        ({"all_accounts": "true"}, "all_accounts"),
        ({"enabled": 0}, "enabled"),
        ({"x" * 99: 1}, "x" * 50),
    ],
)
def test_a_bad_field_is_named(body: dict[str, Any], field: str) -> None:
    assert refusal(body) == ("field_invalid", field, 400)


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Content-Type", "Transfer-Encoding", "Connection", "TE"),
        *("Keep-Alive", "Upgrade", "Trailer", "Proxy-Authorization", "Expect", "User-Agent"),
        *("webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "webhook-anything"),
        *("X Y", "X:Y", "", "X\r\nY", "X\n", "Ä", "x" * 101),
    ],
)
def test_t21_a_header_that_is_not_the_callers_is_refused(name: str) -> None:
    assert refusal({"headers": {name: "x"}}) == ("field_invalid", f"headers.{name[:50]}", 400)


@pytest.mark.parametrize("value", ["a\r\nb", "a\n", "\x00", "\x7f", "\t", "€", "x" * 2001, 7, None])
def test_t21_a_header_value_holds_no_control_characters(value: Any) -> None:
    assert refusal({"headers": {"X-Key": value}}) == ("field_invalid", "headers.X-Key", 400)


@pytest.mark.parametrize(
    "url",
    [
        *("http://app.example.com", "https://app.example.com:8080", "ftp://app.example.com", ""),
        *("https://127.0.0.1", "https://2130706433", "https://0x7f.1", "https://0177.0.0.1"),
        *("https://127.1", "https://127.0.0.1.", "https://[::1]", "https://[::ffff:127.0.0.1]"),
        *("https://[fe80::1%25eth0]", "https://169.254.169.254", "https://168.63.129.16"),
        *("https://10.0.0.1", "https://[fd00::1]", "https://[64:ff9b::7f00:1]", "https://0"),
        *("https://[2002:7f00:1::]", "https://[2001::1]", "https://[5f00::1]", "https://[ff02::1]"),
        *("https://localhost", "https://a.internal", "https://①②⑦.0.0.1", "https://u:p@a.example"),
    ],
)
def test_t15_a_url_that_is_not_public_is_refused_when_it_is_saved(url: str) -> None:
    code, detail, status = refusal({"url": url})
    assert (code, status) == ("endpoint_refused", 400)
    assert detail.startswith("url ")


@pytest.mark.parametrize("name", ["url", "description", "event_types", "filter", "headers"])
def test_of_the_settings_endpoint_only_enabled_can_be_said(name: str) -> None:
    assert refusal({name: ""}, of_settings=True) == ("field_invalid", name, 400)
    assert read({"enabled": False}, of_settings=True) == {"enabled": False}


# What is shown


def shown(**fields: Any) -> dict[str, Any]:
    new = Endpoint("ep_aaaaaaaa", _URL, (Secret(b"canary-key"),), **fields)
    return endpoint_forms.view(new, _NOW)


def test_t11_neither_secrets_nor_what_headers_hold_are_shown() -> None:
    view = shown(headers={"X-B": "canary", "Authorization": "canary"})
    assert view["headers"] == ["Authorization", "X-B"]
    assert (view["secrets"], "canary" in str(view)) == (1, False)


@pytest.mark.parametrize("code", ["endpoint_gone", "endpoint_failing", "endpoint_paused"])
def test_why_it_is_disabled_is_said_in_a_sentence(code: str) -> None:
    view = shown(disabled=code, disabled_at="2026-01-30T12:00:00Z")
    assert view["enabled"] is False
    assert view["disabled"]["code"] == code
    assert view["disabled"]["since"] == "2026-01-30T12:00:00Z"
    assert view["disabled"]["message"].endswith(".")


def test_how_the_circuit_stands_is_shown() -> None:
    well = shown()
    assert (well["enabled"], well["disabled"]) == (True, None)
    assert (well["failing_since"], well["next_probe_at"]) == (None, None)
    open_ = shown(circuit=Circuit("2026-01-31T11:00:00Z", 2, "2026-01-31T12:04:00Z"))
    assert open_["failing_since"] == "2026-01-31T11:00:00Z"
    assert open_["next_probe_at"] == "2026-01-31T12:04:00Z"


# Enabled or not


def test_saying_what_is_so_already_changes_nothing() -> None:
    on = Endpoint("ep_aaaaaaaa", _URL, ())
    off = Endpoint("ep_aaaaaaaa", _URL, (), disabled="endpoint_gone")
    assert endpoint_forms.paused({"enabled": True}, on, _NOW) == {}
    assert endpoint_forms.paused({"enabled": False}, off, _NOW) == {}


def test_enabling_clears_the_reason_and_says_when() -> None:
    off = Endpoint("ep_aaaaaaaa", _URL, (), disabled="endpoint_gone")
    found = endpoint_forms.paused({"enabled": True}, off, _NOW)
    assert (found["disabled"], found["enabled_at"]) == ("", "2026-01-31T12:00:00Z")
