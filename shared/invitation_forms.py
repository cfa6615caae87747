"""What an API caller may say about an invitation: JSON in, checked values out.

Every refusal is Rejected `field_invalid` whose detail names the field.
"""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from shared import account_forms, web
from shared.account_forms import Reader, invalid
from shared.settings import Settings

ANY, PERSONAL, WORK = "any", "personal", "work"
_WEEK_SECONDS = 7 * 86_400
_MAX_SECONDS = 90 * 86_400
# What each kind asks of AUTHORITY; a tenant's own has no personal accounts.
_PERSONAL_TENANTS = {"common", "consumers"}


def read(body: Any, endpoints: Collection[str], settings: Settings) -> dict[str, Any]:
    """The fields given, and `expires_in_seconds` (7 days) where it was not.

    endpoints: ids of those that are there.
    """
    found = account_forms.fields(body, FIELDS, (), endpoints)
    back = found.get("return_url")
    if back is not None and not web.allowed_return(back, settings.return_urls):
        raise invalid("return_url")
    if {"expected_address", "expected_account"} <= found.keys():
        raise invalid("expected_account")
    kind = found.get("kind", ANY)
    if not _signs_in(kind, settings):
        raise invalid("kind")
    if "shared_mailbox" in found and kind == PERSONAL:
        raise invalid("shared_mailbox")
    return {"expires_in_seconds": _WEEK_SECONDS} | found


def _signs_in(kind: str, settings: Settings) -> bool:
    """Whether accounts of that kind can sign in at AUTHORITY at all."""
    tenant = urlsplit(settings.authority).path.strip("/").lower()
    if kind == PERSONAL:
        return tenant in _PERSONAL_TENANTS
    return kind != WORK or tenant != "consumers"


def normal(address: str) -> str:
    """An address as it is compared: in one case, and one way to write each character.

    Not `casefold`, which makes two addresses of \u00df and ss one.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).lower())


def _seconds(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_SECONDS:
        raise invalid(name)
    return value


FIELDS: Mapping[str, Reader] = {
    **account_forms.OF_NEW,
    "return_url": lambda name, value: account_forms.text(name, value, 2000),
    "login_hint": lambda name, value: account_forms.text(name, value, 254),
    "expected_address": account_forms.address,
    "expected_account": account_forms.text,
    "kind": account_forms.one_of(ANY, PERSONAL, WORK),
    "shared_mailbox": account_forms.address,
    "expires_in_seconds": _seconds,
}
