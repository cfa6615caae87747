"""Results: what a login came to, for the web application that its owner is sent back to.

The return URL carries a code that is good for one time and five minutes; what it stands for is
told to whoever has a function key, never to the browser.
"""

import json
import re
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from shared import account_forms, account_view, ids, instants, web
from shared.accounts import Accounts
from shared.enrol import Enrolled
from shared.errors import Rejected, Stale, TryAgain
from shared.invitations import Invitation
from shared.logs import Log
from shared.once import RESULT, TABLE
from shared.tables import Fields, Row, Tables
from shared.vault import Vault

log = Log(__name__)

LIFE = timedelta(minutes=5)
_CODE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class Results:
    """Makes the codes, and redeems each once. links: where an owner signs in again."""

    def __init__(
        self, tables: Tables, vault: Vault, accounts: Accounts, links: account_view.Links
    ) -> None:
        self._tables = tables
        self._vault = vault
        self._accounts = accounts
        self._links = links

    def way_back(self, enrolled: Enrolled, asked: Invitation, now: datetime) -> str:
        """The return URL with what came of it; '' without one, or while the mailbox refuses.

        Without `result` where that could not be kept: the mailbox is connected all the same.
        """
        if not asked.return_url or enrolled.result == "blocked":
            return ""
        told = {"status": enrolled.result, "reference": enrolled.account.reference}
        try:
            told["result"] = self._code(enrolled, now)
        except TryAgain:
            log.warning("login_result_not_kept", account=enrolled.account.id)
        return web.with_query(asked.return_url, **told)

    def redeem(self, body: Any, now: datetime) -> dict[str, Any]:
        """account, reference and status of a login; raises Rejected `result_unknown`."""
        code = account_forms.fields(body, {"result": account_forms.text}, ("result",), ())["result"]
        row = self._tables.get(TABLE, RESULT, ids.sha256_hex(code)) if _CODE.match(code) else None
        if row is None or row["redeemed"] or row["expires_at"] <= instants.text(now):
            raise _unknown()
        self._take(row)
        return self._content(row, now)

    def _take(self, row: Row) -> None:
        """One of many that redeem it at once gets through; the row goes with the purge."""
        key = {"PartitionKey": RESULT, "RowKey": row["RowKey"]}
        mark = secrets.token_hex(8)
        try:
            self._tables.update(TABLE, {**key, "redeemed": mark}, row.etag)
        except Stale:
            found = self._tables.get(TABLE, RESULT, row["RowKey"])
            if found is None or found["redeemed"] != mark:  # not our own, with its answer lost
                raise _unknown() from None

    def _code(self, enrolled: Enrolled, now: datetime) -> str:
        code = secrets.token_urlsafe(32)
        key = ids.sha256_hex(code)
        plain = json.dumps({"account": enrolled.account.id, "status": enrolled.result}).encode()
        row: Fields = {
            "PartitionKey": RESULT,
            "RowKey": key,
            "expires_at": instants.after(now, LIFE.total_seconds()),
            "redeemed": "",
            "data": self._vault.seal(plain, TABLE, key, RESULT),
        }
        with suppress(Stale):  # our own write, whose answer got lost: nobody else has this key
            self._tables.insert(TABLE, row)
        return code

    def _content(self, row: Row, now: datetime) -> dict[str, Any]:
        plain = self._vault.open(row["data"], TABLE, row["RowKey"], RESULT)
        content = json.loads(plain)
        account = self._accounts.get(content["account"])
        if account is None or account.deleted_at:
            raise _unknown()
        return {
            "account": account_view.view(account, now, self._links(account)),
            "reference": account.reference,
            "status": content["status"],
        }


def _unknown() -> Rejected:
    return Rejected("result_unknown", status=404)
