"""Our own checks of an id_token: MSAL reads it and, since 1.38, validates nothing but the nonce.

The token came from the token endpoint over TLS, so its signature needs no check (OpenID Connect
Core 1.0, 3.1.3.7 no. 6); its claims do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Rejected

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_LEEWAY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. kind: `personal` or `work`; address: what the token calls the mailbox.

    username: an address that nobody can give himself, '' where there is none.
    """

    tid: str
    oid: str
    kind: str
    address: str
    username: str = ""


def check(
    claims: Mapping[str, object],
    *,
    client_id: str,
    issuer: str,
    tenant: str,
    now: datetime,
) -> Identity:
    """The identity that the claims prove.

    issuer: as discovery gives it, `{tenantid}` standing for the tenant. tenant: the last segment
    of the authority. Raises Rejected `id_token_refused` with the claim that does not fit.
    https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
    """
    tid, oid = _guid(claims, "tid"), _guid(claims, "oid")
    if claims.get("aud") != client_id:
        raise Rejected("id_token_refused", "aud")
    if claims.get("iss") != issuer.replace("{tenantid}", tid):
        raise Rejected("id_token_refused", "iss")
    if not _allowed(tid, tenant.lower()):
        raise Rejected("wrong_account", "tid")
    expires = claims.get("exp")
    # JSON knows NaN, which is neither before nor after now.
    if not isinstance(expires, int | float) or not expires + _LEEWAY_SECONDS >= now.timestamp():
        raise Rejected("id_token_refused", "exp")
    kind = "personal" if tid == PERSONAL_TENANT else "work"
    return Identity(tid, oid, kind, _address(claims), _username(claims, kind))


def _guid(claims: Mapping[str, object], name: str) -> str:
    value = str(claims.get(name, "")).lower()
    if not GUID.match(value):
        raise Rejected("id_token_refused", name)
    return value


def _allowed(tid: str, tenant: str) -> bool:
    match tenant:
        case "common":
            return True
        case "organizations":
            return tid != PERSONAL_TENANT
        case "consumers":
            return tid == PERSONAL_TENANT
        case _ if GUID.match(tenant):
            return tid == tenant
        case _:
            return tid != PERSONAL_TENANT  # a domain: Microsoft and the issuer say which


def _address(claims: Mapping[str, object]) -> str:
    """preferred_username, else email; '' where neither is an address (a phone number may be)."""
    for name in ("preferred_username", "email"):
        value = claims.get(name)
        if isinstance(value, str) and is_address(value):
            return value
    return ""


def _username(claims: Mapping[str, object], kind: str) -> str:
    """An organisation may write any address into its people's `email`, Microsoft proves its own.

    https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
    """
    own = {"preferred_username": claims.get("preferred_username")}
    return _address(claims if kind == "personal" else own)


def is_address(value: str) -> bool:
    """Whether the value may reach a command as a mailbox name: no space, no control character."""
    local, at, domain = value.rpartition("@")
    return bool(
        local
        and at
        and domain
        and len(value) <= 254
        and value.isprintable()
        and not re.search(r"[\s\"\\<>(),;:]", value)
    )
