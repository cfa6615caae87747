"""Accounts: the rows of table `accounts`, found, listed and changed; see `shared.claims` too.

Whoever writes a row that a run may hold does so under its ETag, and leaves what the run owns.
"""

from dataclasses import replace
from datetime import datetime

from shared import ids, instants
from shared.account_rows import APP_ONLY, SYSTEM, TABLE, Account, account
from shared.errors import Stale, TryAgain
from shared.tables import Condition, Delete, Either, Row, Tables, Update

_ROUNDS = 6


class Accounts:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._tables = tables
        self.shards = [f"{number:02d}" for number in range(shards)]

    def shard_of(self, account_id: str) -> str:
        return ids.shard_of(account_id, len(self.shards))

    def get(self, account_id: str) -> Account | None:
        """The account, also where it is a tombstone (`deleted_at`); None where there is none."""
        row = self._tables.get(TABLE, self.shard_of(account_id), account_id)
        return account(row) if row else None

    def after(self, account_id: str, limit: int) -> list[Account]:
        """The next accounts in the order of shard and id; neither system's row nor tombstones."""
        first = self.shard_of(account_id) if account_id else self.shards[0]
        found: list[Account] = []
        for shard in self.shards[self.shards.index(first) :]:
            start = account_id if shard == first else ""
            while len(found) < limit:
                rows = self._tables.query(
                    TABLE, ("PartitionKey", "eq", shard), ("RowKey", "gt", start), limit=limit
                )
                listed = [account(row) for row in rows]
                found += [item for item in listed if item.id != SYSTEM and not item.deleted_at]
                if len(rows) < limit:
                    break
                start = rows[-1]["RowKey"]
        return found[:limit]

    def insert(self, new: Account) -> str:
        """Adds the row and gives its ETag; raises Stale where there is one."""
        return self._tables.insert(TABLE, new.fields)

    def replace(self, changed: Account) -> str:
        """Writes the whole row under its ETag and gives the new one; raises Stale."""
        try:
            step = Update(changed.fields, changed.etag, replace=True)
            return self._tables.transact(TABLE, [step])[0]
        except Stale:
            now = self.get(changed.id)
            if now and now.fields == changed.fields:
                return now.etag  # our own write, whose answer got lost
            raise

    def relabel(self, account: Account, changed: Account) -> None:
        """Writes the columns that differ, under the ETag; raises Stale.

        Where a run holds the account it is due again when that has ended.
        """
        before = account.fields | {"next_due_at": account.next_due_at}
        after = changed.fields
        if account.claim:
            after["next_due_at"] = account.next_due_at
        fields = {name: value for name, value in after.items() if value != before[name]}
        key = {"PartitionKey": account.shard, "RowKey": account.id}
        self._tables.update(TABLE, key | fields, account.etag)

    def attempt_soon(self, account_id: str, now: datetime) -> None:
        """Makes the account's outbox due; where a run holds it, once that has ended."""
        at = instants.text(now)
        for _ in range(_ROUNDS):
            found = self.get(account_id)
            if found is None or found.deleted_at:
                return
            if not found.claim:
                changes = {
                    "next_attempt_at": min(at, found.next_attempt_at),
                    "next_due_at": min(at, found.next_due_at),
                }
            elif found.next_attempt_at == at:
                # What the run may have begun with: at its end it would not see that we were here.
                changes = {"next_attempt_at": instants.after(now, 1)}
            else:
                changes = {"next_attempt_at": at}
            try:
                key = {"PartitionKey": found.shard, "RowKey": found.id}
                self._tables.update(TABLE, key | changes, found.etag)
            except Stale:
                continue
            return
        raise TryAgain("stale", TABLE)

    def owing(self) -> list[Row]:
        """Rows with `owed`, `owed_since` and `dead` of accounts where something is owed or dead."""
        return [
            row
            for shard in self.shards
            for row in self._tables.query(
                TABLE,
                ("PartitionKey", "eq", shard),
                Either((("owed", "gt", 0),), (("dead", "gt", 0),)),
                select=("owed", "owed_since", "dead"),
            )
        ]

    def with_dead(self, after: str = "") -> list[str]:
        """Ids of accounts that have dead letters, in the order of shard and id, from `after` on."""
        return self._ids(("dead", "gt", 0), after)

    def with_events_since(self, at: str, after: str = "") -> list[str]:
        """Ids of accounts that had an event since then, from `after` on."""
        return self._ids(("last_event_at", "ge", at), after)

    def _ids(self, condition: Condition, after: str) -> list[str]:
        found: list[str] = []
        first = self.shard_of(after) if after else self.shards[0]
        for shard in self.shards[self.shards.index(first) :]:
            start = after if shard == first else ""
            rows = self._tables.query(
                TABLE,
                ("PartitionKey", "eq", shard),
                ("RowKey", "ge", start),
                condition,
                select=("dead",),
            )
            found += [row["RowKey"] for row in rows]
        return found

    def check_blocked_of(self, tid: str, now: datetime) -> int:
        """Makes the tenant's blocked app-only accounts due; gives their number."""
        found: list[str] = []
        for shard in self.shards:
            rows = self._tables.query(
                TABLE,
                ("PartitionKey", "eq", shard),
                ("tid", "eq", tid),
                ("kind", "eq", APP_ONLY),
                ("status", "eq", "blocked"),
                select=("status",),
            )
            found += [row["RowKey"] for row in rows]
        for account_id in found:
            self._check_soon(account_id, now)
        return len(found)

    def _check_soon(self, account_id: str, now: datetime) -> None:
        for _ in range(_ROUNDS):
            found = self.get(account_id)
            if found is None or found.deleted_at or found.status != "blocked":
                return
            try:
                self.relabel(found, replace(found, next_check_at=instants.text(now), not_before=""))
            except Stale:
                continue
            return
        raise TryAgain("stale", TABLE)

    def attempt_what_is_owed(self, now: datetime) -> None:
        """Makes every account due that something is owed of; the hour does it for the rest."""
        for shard in self.shards:
            rows = self._tables.query(
                TABLE, ("PartitionKey", "eq", shard), ("owed", "gt", 0), select=("owed",)
            )
            for row in rows:
                self.attempt_soon(row["RowKey"], now)

    def drop(self, gone: Account) -> None:
        """Removes the row, unless the mailbox was connected anew since it was read."""
        for _ in range(_ROUNDS):
            now = self.get(gone.id)
            if not now or (now.generation, now.deleted_at) != (gone.generation, gone.deleted_at):
                return
            try:
                self._tables.transact(TABLE, [Delete(now.shard, now.id, now.etag)])
                return
            except Stale:
                continue
        raise TryAgain("stale", TABLE)
