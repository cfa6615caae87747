"""Idempotency keys of mails that are sent: in table `once` for a day, each for one account.

The row is there, with the Message-ID, before a byte of the mail leaves. Until it is `done` nobody
knows from it whether the mail was sent: who meets it looks for the Message-ID, and sends nothing.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared import ids, instants
from shared.errors import Stale
from shared.once import SUBMISSION, TABLE
from shared.tables import Delete, Row, Tables
from shared.vault import Vault

LIFE = timedelta(days=1)
SENDING, DONE = "sending", "done"


@dataclass(frozen=True, slots=True)
class SendKey:
    """request: hash of what was asked for. outcome: what was answered, once it is done."""

    key: str
    state: str
    expires_at: str
    request: str
    message_id: str
    outcome: dict[str, Any] | None = None
    etag: str = ""


class SendKeys:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault) -> None:
        self._tables = tables
        self._vault = vault

    def find(self, account_id: str, key: str, now: datetime) -> SendKey | None:
        """What is known of the key; None where it was not used, or too long ago."""
        row = self._tables.get(TABLE, SUBMISSION, _hashed(account_id, key))
        if row is None or row["expires_at"] <= instants.text(now):
            return None
        return self._opened(row)

    def take(
        self, account_id: str, key: str, request: str, message_id: str, now: datetime
    ) -> SendKey:
        """Makes the key ours; raises Stale where another was faster."""
        expires = instants.after(now, LIFE.total_seconds())
        taken = SendKey(_hashed(account_id, key), SENDING, expires, request, message_id)
        fields = self._fields(taken)
        try:
            return replace(taken, etag=self._tables.insert(TABLE, fields))
        except Stale:
            row = self._tables.get(TABLE, SUBMISSION, taken.key)
        if row and row["data"] == fields["data"]:  # our own write, whose answer got lost
            return replace(taken, etag=row.etag)
        if row and row["expires_at"] <= instants.text(now):
            return replace(taken, etag=self._tables.update(TABLE, fields, row.etag))
        raise Stale(TABLE)

    def done(self, taken: SendKey, outcome: dict[str, Any]) -> None:
        """Keeps the answer; whoever found out meanwhile that the mail was sent is right too."""
        finished = replace(taken, state=DONE, outcome=outcome)
        try:
            self._tables.update(TABLE, self._fields(finished), taken.etag)
        except Stale:
            return

    def release(self, taken: SendKey) -> None:
        """Nothing was sent: the key may be used again."""
        try:
            self._tables.transact(TABLE, [Delete(SUBMISSION, taken.key, taken.etag)])
        except Stale:
            return  # our own delete, whose answer got lost

    def _opened(self, row: Row) -> SendKey:
        plain = self._vault.open(row["data"], TABLE, row["RowKey"], SUBMISSION)
        return SendKey(
            row["RowKey"], row["state"], row["expires_at"], **json.loads(plain), etag=row.etag
        )

    def _fields(self, key: SendKey) -> dict[str, Any]:
        held = {"request": key.request, "message_id": key.message_id, "outcome": key.outcome}
        return {
            "PartitionKey": SUBMISSION,
            "RowKey": key.key,
            "state": key.state,
            "expires_at": key.expires_at,
            "data": self._vault.seal(json.dumps(held).encode(), TABLE, key.key, SUBMISSION),
        }


def _hashed(account_id: str, key: str) -> str:
    return ids.sha256_hex(f"{account_id} {key}")
