"""The directory of accounts, as the API shows it."""

import base64
import binascii
import re
from typing import Any

from shared import ids
from shared.accounts import SYSTEM, Account, Accounts
from shared.errors import Rejected

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Directory:
    """Lists and shows accounts; system's row and tombstones are not there."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def page(self, limit: str = "", cursor: str = "") -> dict[str, Any]:
        """Accounts in the order of their ids, and the cursor for the next page ('' at the end).

        Raises Rejected `field_invalid` with the name of the field.
        """
        count = _limit(limit)
        found = self._accounts.after(_account_of(cursor), count + 1)
        more = len(found) > count
        return {
            "accounts": [view(account) for account in found[:count]],
            "cursor": _cursor(found[count - 1].id) if more else "",
        }

    def show(self, account_id: str) -> dict[str, Any]:
        """One account; raises Rejected `account_unknown`."""
        account = self._accounts.get(known_form(account_id))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        return view(account)


def known_form(account_id: str) -> str:
    """The id, if it has the form of one; a key of the table service takes less than a URL does."""
    if not ids.ACCOUNT_ID.match(account_id) or account_id == SYSTEM:
        raise Rejected("account_unknown", status=404)
    return account_id


def view(account: Account) -> dict[str, Any]:
    """An account as JSON: what an operator needs to see; nothing secret is in the row."""
    return {
        "id": account.id,
        "address": account.address,
        "reference": account.reference,
        "labels": list(account.labels),
        "kind": account.kind,
        "status": account.status,
        "code": account.code,
        "since": account.since,
        "folders": [folder.name for folder in account.folders],
        "connected_at": account.connected_at,
        "last_success_at": account.last_success_at,
        "next_check_at": account.next_check_at,
        "failures": account.failures,
        "owed": account.owed,
        "dead": account.dead,
    }


def _limit(value: str) -> int:
    if not value:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise Rejected("field_invalid", "limit")
    return int(value)


def _cursor(account_id: str) -> str:
    return base64.urlsafe_b64encode(account_id.encode()).decode().rstrip("=")


def _account_of(cursor: str) -> str:
    if not cursor:
        return ""
    try:
        account_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise Rejected("field_invalid", "cursor") from None
    if not ids.ACCOUNT_ID.match(account_id):
        raise Rejected("field_invalid", "cursor")
    return account_id
