"""The directory of accounts: lists them, shows them, and changes what their owner may change."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared import account_forms, ids, instants, pages_of
from shared.account_forms import ACTIVE, PAUSED
from shared.account_rows import APP_ONLY, SYSTEM, Account
from shared.account_view import Links, view
from shared.accounts import Accounts
from shared.endpoints import Endpoints
from shared.errors import Rejected, Stale, TryAgain
from shared.outbox import Outbox
from shared.schedule import KEEP_ALIVE_SECONDS

_ROUNDS = 6


class Directory:
    """The accounts; system's row and tombstones are not there. links: where owners sign in."""

    def __init__(
        self,
        accounts: Accounts,
        endpoints: Endpoints,
        outbox: Outbox,
        clock: instants.Clock,
        links: Links,
    ) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._outbox = outbox
        self._now = clock
        self._links = links

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
            "accounts": [self._view(account) for account in found[:count]],
            "cursor": pages_of.cursor(found[count - 1].id) if more else "",
        }

    def show(self, account_id: str) -> dict[str, Any]:
        """One account; raises Rejected `account_unknown`."""
        return self._view(self._account(account_id))

    def change(self, account_id: str, body: Any) -> dict[str, Any]:
        """Pauses, resumes, relabels; changes folders and endpoints. Gives the account.

        body: status (paused or active), labels, folders, endpoint_id or endpoints (ids that are
        its own), common_endpoints (whether the others get its events too). Raises Rejected
        `account_state_refused` where the account can be neither paused nor resumed as it stands.
        """
        wanted = account_forms.changes(body, self._endpoints.all())
        for _ in range(_ROUNDS):
            account = self._account(account_id)
            changed = self._changed(account, wanted, self._now())
            names = {folder.name for folder in account.folders}
            kept = {folder.name for folder in changed.folders}
            # Before the row: a folder that was watched once begins anew.
            self._outbox.drop_cursors(account.id, kept - names)
            try:
                self._accounts.relabel(account, changed)
            except Stale:
                continue
            self._outbox.drop_cursors(account.id, names - kept)
            return self._view(changed)
        raise TryAgain("stale", "accounts")

    def _view(self, account: Account) -> dict[str, Any]:
        return view(account, self._now(), self._links(account))

    def _account(self, account_id: str) -> Account:
        account = self._accounts.get(known_form(account_id))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        return account

    def _changed(self, account: Account, wanted: dict[str, Any], now: datetime) -> Account:
        fields = {name: value for name, value in wanted.items() if name != "status"}
        if "folders" in fields:
            fields["folders"] = account_forms.merged(account, fields["folders"])
        changed = replace(account, **fields)
        if changed.folders != account.folders and account.status == ACTIVE:
            changed = replace(changed, next_check_at=instants.text(now))
        return _stands(changed, wanted.get("status", account.status), now)


def _stands(account: Account, status: str, now: datetime) -> Account:
    """The account with another status; one that waits for its owner can't be paused or resumed."""
    if status == account.status:
        return account
    at = instants.text(now)
    since = replace(account, status=status, since=at, status_version=account.status_version + 1)
    if status == PAUSED and account.status in {ACTIVE, "blocked"}:
        later = instants.after(now, KEEP_ALIVE_SECONDS)
        later = instants.NEVER if account.kind == APP_ONLY else later
        return replace(since, code="", next_check_at=instants.NEVER, next_refresh_at=later)
    if status == ACTIVE and account.status == PAUSED:
        return replace(since, code="", failures=0, next_check_at=at)
    raise Rejected("account_state_refused", account.status, status=409)


def known_form(account_id: str) -> str:
    """The id, if it has the form of one; a key of the table service takes less than a URL does."""
    if not ids.ACCOUNT_ID.match(account_id) or account_id == SYSTEM:
        raise Rejected("account_unknown", status=404)
    return account_id
