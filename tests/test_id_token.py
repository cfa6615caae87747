"""Our own checks of an id_token, claim by claim."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import id_token
from shared.errors import Rejected
from shared.id_token import Identity

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_PERSONAL = id_token.PERSONAL_TENANT
_CONTOSO = "5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10"
_OID = "00000000-0000-0000-66f3-3332eca7ea81"
_CLIENT = "2f8ac4c6-0000-4000-8000-00000000c1d0"
_ISSUER = "https://login.microsoftonline.com/{tenantid}/v2.0"
_CLAIMS = {
    "aud": _CLIENT,
    "iss": f"https://login.microsoftonline.com/{_PERSONAL}/v2.0",
    "tid": _PERSONAL,
    "oid": _OID,
    "exp": int(_NOW.timestamp()) + 3600,
    "preferred_username": "Ada@outlook.example",
}


def check(tenant: str = "common", issuer: str = _ISSUER, **changed: Any) -> Identity:
    claims = {name: value for name, value in (_CLAIMS | changed).items() if value is not None}
    return id_token.check(claims, client_id=_CLIENT, issuer=issuer, tenant=tenant, now=_NOW)


def of_tenant(tid: str) -> dict[str, str]:
    return {"tid": tid, "iss": f"https://login.microsoftonline.com/{tid}/v2.0"}


def test_a_fitting_token_proves_who_it_is() -> None:
    name = "Ada@outlook.example"
    assert check() == Identity(_PERSONAL, _OID, "personal", name, name)


def test_an_account_of_an_organisation_is_a_work_account() -> None:
    assert check(**of_tenant(_CONTOSO)).kind == "work"


def test_f42_the_case_of_tid_and_oid_does_not_matter() -> None:
    found = check(tid=_PERSONAL.upper(), oid=_OID.upper())
    assert (found.tid, found.oid) == (_PERSONAL, _OID)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", "another-client"),
        ("aud", [_CLIENT]),
        ("aud", None),
        ("iss", f"https://login.microsoftonline.com/{_CONTOSO}/v2.0"),
        ("iss", f"https://evil.example/{_PERSONAL}/v2.0"),
        ("iss", f"https://login.microsoftonline.com/{_PERSONAL}/v2.0/"),
        ("iss", _ISSUER),
        ("iss", None),
        ("tid", ""),
        ("tid", "common"),
        ("tid", f"{_PERSONAL}\n"),
        ("tid", [_PERSONAL]),
        ("tid", None),
        ("oid", "ada"),
        ("oid", None),
        ("exp", int(_NOW.timestamp()) - 301),
        ("exp", str(int(_NOW.timestamp()) + 3600)),
        ("exp", math.nan),
        ("exp", None),
    ],
)
def test_t6_a_claim_that_does_not_fit_is_named(claim: str, value: object) -> None:
    with pytest.raises(Rejected) as caught:
        check(**{claim: value})  # type: ignore[arg-type]  # the claim is one of the token's
    assert (caught.value.code, caught.value.detail) == ("id_token_refused", claim)


def test_f51_a_clock_may_be_five_minutes_off() -> None:
    assert check(exp=int(_NOW.timestamp()) - 299)


@pytest.mark.parametrize(
    ("tenant", "personal", "work"),
    [
        ("common", True, True),
        ("organizations", False, True),
        ("consumers", True, False),
        (_CONTOSO, False, True),
        (_CONTOSO.upper(), False, True),
        ("11111111-1111-1111-1111-111111111111", False, False),
        ("contoso.example", False, True),
    ],
)
def test_the_authority_says_which_accounts_may_sign_in(
    tenant: str, personal: bool, work: bool
) -> None:
    for tid, allowed in ((_PERSONAL, personal), (_CONTOSO, work)):
        try:
            check(tenant, **of_tenant(tid))
        except Rejected as error:
            assert (error.code, allowed) == ("wrong_account", False)
        else:
            assert allowed


def test_an_authority_of_one_tenant_has_an_issuer_without_a_template() -> None:
    issuer = f"https://login.microsoftonline.com/{_CONTOSO}/v2.0"
    assert check(_CONTOSO, issuer, **of_tenant(_CONTOSO)).tid == _CONTOSO


@pytest.mark.parametrize(
    ("username", "email", "address"),
    [
        ("ada@outlook.example", "other@outlook.example", "ada@outlook.example"),
        ("+49 170 1234567", "ada@outlook.example", "ada@outlook.example"),
        (None, "ada@outlook.example", "ada@outlook.example"),
        ("ada\r\n@outlook.example", None, ""),
        (["ada@outlook.example"], None, ""),
        (None, None, ""),
    ],
)
def test_the_mailbox_is_the_first_claim_that_is_an_address(
    username: object, email: object, address: str
) -> None:
    assert check(preferred_username=username, email=email).address == address


@pytest.mark.parametrize(
    "value",
    [
        *("", "ada", "@outlook.example", "ada@", "a b@outlook.example", "ada@out look.example"),
        *("ada@outlook.example\r\n", "ada\x00@outlook.example", "ada\x01@outlook.example"),
        *("<ada@outlook.example>", '"ada"@outlook.example', "a,b@outlook.example"),
        *("ada@outlook.example;", "ada\u2028@outlook.example", "ada\u202e@outlook.example"),
        "x" * 243 + "@outlook.example",
    ],
)
def test_t24_what_may_not_reach_a_command_is_no_address(value: str) -> None:
    assert not id_token.is_address(value)


@pytest.mark.parametrize(
    "value", ["ada@outlook.example", "o'neill+x@contoso.example", "ü@ü.example"]
)
def test_an_address_is_an_address(value: str) -> None:
    assert id_token.is_address(value)
