"""The directory of accounts, as the API shows it."""

from dataclasses import replace
from typing import Any

from shared import ids, pages_of
from shared.accounts import SYSTEM, Account, Accounts
from shared.endpoints import Endpoints
from shared.errors import Rejected, Stale, TryAgain

_ROUNDS = 6


class Directory:
    """Lists, shows and changes accounts; system's row and tombstones are not there."""

    def __init__(self, accounts: Accounts, endpoints: Endpoints) -> None:
        self._accounts = accounts
        self._endpoints = endpoints

    def page(self, limit: str = "", cursor: str = "") -> dict[str, Any]:
        """Accounts in the order of their ids, and the cursor for the next page ('' at the end).

        Raises Rejected `field_invalid` with the name of the field.
        """
        count = pages_of.limit(limit)
        after, _ = pages_of.place(cursor)
        if after and not ids.ACCOUNT_ID.match(after):
            raise Rejected("field_invalid", "cursor")
        found = self._accounts.after(after, count + 1)
        more = len(found) > count
        return {
            "accounts": [view(account) for account in found[:count]],
            "cursor": pages_of.cursor(found[count - 1].id) if more else "",
        }

    def show(self, account_id: str) -> dict[str, Any]:
        """One account; raises Rejected `account_unknown`."""
        account = self._accounts.get(known_form(account_id))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        return view(account)

    def change(self, account_id: str, body: Any) -> dict[str, Any]:
        """Changes which endpoints get the account's events; gives the account.

        body: endpoints (ids that are its own), common_endpoints (whether the others get them too).
        """
        fields = self._wanted(body)
        for _ in range(_ROUNDS):
            account = self._accounts.get(known_form(account_id))
            if account is None or account.deleted_at:
                raise Rejected("account_unknown", status=404)
            try:
                self._accounts.relabel(account, fields)
            except Stale:
                continue
            return view(replace(account, **fields))
        raise TryAgain("stale", "accounts")

    def _wanted(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict) or set(body) - {"endpoints", "common_endpoints"}:
            raise Rejected("field_invalid", "body")
        fields: dict[str, Any] = {}
        if "endpoints" in body:
            named = body["endpoints"]
            known = self._endpoints.all()
            if not isinstance(named, list) or not all(name in known for name in map(str, named)):
                raise Rejected("field_invalid", "endpoints")
            fields["endpoints"] = tuple(dict.fromkeys(map(str, named)))
        if "common_endpoints" in body:
            if not isinstance(body["common_endpoints"], bool):
                raise Rejected("field_invalid", "common_endpoints")
            fields["common_endpoints"] = body["common_endpoints"]
        return fields


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
        "endpoints": list(account.endpoints),
        "common_endpoints": account.common_endpoints,
        "filtered": account.filtered,
        "owed": account.owed,
        "dead": account.dead,
    }
