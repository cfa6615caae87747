"""What may be said of an invitation; what may not is named."""

import secrets
from typing import Any

import pytest

from shared import instants, invitation_forms
from shared.connector import Connector
from shared.errors import Rejected
from tests.conftest import StartApp

_LONG = "x" * 201


def read(parts: Connector, body: Any) -> dict[str, Any]:
    return invitation_forms.read(body, {"ep_a"}, parts.settings)


def test_nothing_is_required(parts: Connector) -> None:
    assert read(parts, {}) == {"expires_in_seconds": 7 * 86_400}


def test_each_field_that_fits_is_taken(parts: Connector) -> None:
    body = {
        "reference": "customer-7",
        "return_url": "http://localhost:3000/back",
        "labels": ["a"],
        "login_hint": "ada@outlook.example",
        "expected_address": " Ada@outlook.example ",
        "endpoint_id": "ep_a",
        "kind": "any",
        "start": "now",
        "expires_in_seconds": 1,
    }
    told = body | {"labels": ("a",), "expected_address": "Ada@outlook.example"}
    assert read(parts, body) == told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", 7),
        ("reference", None),
        ("reference", _LONG),
        ("reference", "a\nb"),
        ("return_url", ""),
        ("return_url", "https://evil.example/"),
        ("return_url", ["http://localhost:3000/"]),
        ("labels", "a"),
        ("labels", [""]),
        ("labels", [7]),
        ("login_hint", "x" * 255),
        ("login_hint", {}),
        ("expected_address", "ada"),
        ("expected_address", "a b@c.example"),
        ("expected_address", ""),
        ("expected_account", 7),
        ("endpoint_id", "ep_b"),
        ("endpoint_id", ["ep_a"]),
        ("folders", []),
        ("folders", ["*"]),
        ("kind", "robot"),
        ("kind", None),
        ("shared_mailbox", "info"),
        ("start", "later"),
        ("expires_in_seconds", 0),
        ("expires_in_seconds", -1),
        ("expires_in_seconds", True),
        ("expires_in_seconds", 1.5),
        ("expires_in_seconds", "60"),
        ("expires_in_seconds", 90 * 86_400 + 1),
        ("endpoints", ["ep_a"]),
        ("", 1),
    ],
    ids=str,
)
def test_a_field_that_does_not_fit_is_named(parts: Connector, field: str, value: Any) -> None:
    with pytest.raises(Rejected) as error:
        read(parts, {field: value})
    assert (error.value.code, error.value.detail, error.value.status) == (
        "field_invalid",
        field,
        400,
    )


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (None, "body"),
        ([], "body"),
        ({"expected_address": "a@b.example", "expected_account": "acc_"}, "expected_account"),
        ({"shared_mailbox": "a@b.example", "kind": "personal"}, "shared_mailbox"),
    ],
)
def test_what_does_not_go_together_is_named(parts: Connector, body: Any, named: str) -> None:
    with pytest.raises(Rejected) as error:
        read(parts, body)
    assert (error.value.code, error.value.detail) == ("field_invalid", named)


@pytest.mark.parametrize(
    ("authority", "kinds"),
    [
        ("common", {"any", "personal", "work"}),
        ("organizations", {"any", "work"}),
        ("consumers", {"any", "personal"}),
        ("5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10", {"any", "work"}),
    ],
)
def test_a_kind_that_can_not_sign_in_at_the_authority_is_refused(
    start_app: StartApp, parts: Connector, authority: str, kinds: set[str]
) -> None:
    origin = parts.settings.authority_origin
    settings = start_app(AUTHORITY=f"{origin}/{authority}").parts.settings
    for kind in ("any", "personal", "work"):
        try:
            invitation_forms.read({"kind": kind}, (), settings)
        except Rejected:
            assert kind not in kinds
        else:
            assert kind in kinds


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada@Outlook.example", "ada@outlook.EXAMPLE", True),
        ("jose\u0301@outlook.example", "JOS\u00c9@outlook.example", True),
        ("stra\u00dfe@outlook.example", "strasse@outlook.example", False),
        ("ada@outlook.example", "\u0430da@outlook.example", False),
        ("ada@outlook.example", "ada@outlook.example.evil.example", False),
    ],
)
def test_t2_addresses_are_compared_in_one_case_and_form(one: str, other: str, same: bool) -> None:
    assert (invitation_forms.normal(one) == invitation_forms.normal(other)) is same


@pytest.mark.parametrize(
    "expected", ["acc_", "acc_" + "a" * 26, "system", "../..", "ada@outlook.example"]
)
def test_an_expected_account_that_is_not_there_is_refused(parts: Connector, expected: str) -> None:

    with pytest.raises(Rejected) as error:
        parts.invitations.create({"expected_account": expected}, instants.now())
    assert (error.value.code, error.value.detail) == ("field_invalid", "expected_account")


def test_an_invitation_that_no_link_can_hold_names_what_is_too_long(parts: Connector) -> None:

    labels = [secrets.token_hex(50) for _ in range(50)]
    folders = [secrets.token_hex(125) for _ in range(20)]
    with pytest.raises(Rejected) as error:
        parts.invitations.create({"labels": labels, "folders": folders}, instants.now())
    assert (error.value.code, error.value.detail) == ("field_invalid", "labels")
