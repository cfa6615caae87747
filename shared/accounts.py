"""Accounts: the rows of table `accounts`, found, listed and changed; see `shared.claims` too.

Whoever writes a row that a run may hold does so under its ETag, and leaves what the run owns.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice

from shared import instants, places
from shared.account_rows import APP_ONLY, SYSTEM, TABLE, Account, account
from shared.errors import Stale, TryAgain
from shared.shards import Shards
from shared.tables import Condition, Delete, Either, Row, Tables, Update

_ROUNDS = 6
_LEAST_READ = 20


class Accounts:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, shards: Shards) -> None:
        self._tables = tables
        self._shards = shards

    @property
    def shards(self) -> list[str]:
        """Each shard in which accounts may be."""
        return self._shards.all

    def shard_of(self, account_id: str) -> str:
        """The shard in which the account belongs, and a new one is made."""
        return self._shards.of(account_id)

    def get(self, account_id: str) -> Account | None:
        """The account, also where it is a tombstone (`deleted_at`); None where there is none."""
        row = places.find(self._tables, self._shards, account_id)
        return account(row) if row else None

    def after(self, account_id: str, limit: int) -> list[Account]:
        """The next accounts in the order of their ids; neither system's row nor tombstones."""
        shards, at_once = self._shards.sweep, limit
        if not self._shards.moving:
            at_once = min(max(2 * limit // len(shards), _LEAST_READ), limit)
        listed = [self._listed(one, account_id, at_once) for one in shards]
        if self._shards.moving:
            # One after the other, each as far as it may be wanted: see `Shards.sweep`.
            listed = [iter(list(islice(one, limit))) for one in listed]
        merged = heapq.merge(*listed, key=lambda row: str(row["RowKey"]))
        found = (_the_one(list(same)) for _, same in groupby(merged, lambda row: row["RowKey"]))
        return [account(row) for row in islice(found, limit)]

    def _listed(self, shard: str, start: str, at_once: int) -> Iterator[Row]:
        while True:
            conditions = (("PartitionKey", "eq", shard), ("RowKey", "gt", start))
            rows = self._tables.query(TABLE, *conditions, limit=at_once)
            yield from (
                row for row in rows if row["RowKey"] != SYSTEM and not row.get("deleted_at")
            )
            if len(rows) < at_once:
                return
            start = rows[-1]["RowKey"]

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
        either = Either((("owed", "gt", 0),), (("dead", "gt", 0),))
        return self._rows(either, select=("owed", "owed_since", "dead"))

    def with_dead(self, after: str = "") -> list[str]:
        """Ids of accounts that have dead letters, in their order, from `after` on."""
        return self._ids(("RowKey", "ge", after), ("dead", "gt", 0))

    def with_events_since(self, at: str, after: str = "") -> list[str]:
        """Ids of accounts that had an event since then, in their order, from `after` on."""
        return self._ids(("RowKey", "ge", after), ("last_event_at", "ge", at))

    def _ids(self, *conditions: Condition) -> list[str]:
        return [row["RowKey"] for row in self._rows(*conditions)]

    def _rows(self, *conditions: Condition | Either, select: Sequence[str] = ()) -> list[Row]:
        """Columns of the rows that meet the conditions, one of each account, by their ids."""
        columns = (*select, "claim")
        found = [
            row
            for shard in self._shards.sweep
            for row in self._tables.query(
                TABLE, ("PartitionKey", "eq", shard), *conditions, select=columns
            )
        ]
        found.sort(key=lambda row: str(row["RowKey"]))
        return [_the_one(list(same)) for _, same in groupby(found, lambda row: row["RowKey"])]

    def check_blocked_of(self, tid: str, now: datetime) -> int:
        """Makes the tenant's blocked app-only accounts due; gives their number."""
        of_it = (("tid", "eq", tid), ("kind", "eq", APP_ONLY), ("status", "eq", "blocked"))
        found = self._ids(*of_it)
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
        for account_id in self._ids(("owed", "gt", 0)):
            self.attempt_soon(account_id, now)

    def drop(self, gone: Account) -> None:
        """Removes the row, unless the mailbox was connected anew since it was read."""
        for _ in range(_ROUNDS):
            now = self.get(gone.id)
            if not now or (now.generation, now.deleted_at) != (gone.generation, gone.deleted_at):
                return
            try:
                self._forget_copy(now)
                self._tables.transact(TABLE, [Delete(now.shard, now.id, now.etag)])
                return
            except Stale:
                continue
        raise TryAgain("stale", TABLE)

    def _forget_copy(self, gone: Account) -> None:
        """What a move left behind that came to no end; without the account it would become one."""
        for shard in self._shards.places(gone.id):
            row = self._tables.get(TABLE, shard, gone.id) if shard != gone.shard else None
            if row and places.is_arriving(row):
                self._tables.transact(TABLE, [Delete(*row.key, row.etag)])


def _the_one(rows: Sequence[Row]) -> Row:
    """Of an account's rows the one that counts; there are two while it is moved."""
    return next((row for row in rows if not places.is_arriving(row)), rows[0])
