"""Accounts: the rows of table `accounts`, how they are claimed, and how they are given back.

A claim is a random mark on rows that came due, with an end. Whoever holds a queue message with
that mark tends to the rows that still carry it: a stale or doubled message finds none, and a
killed run's rows come due again when the claim ends.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from shared import ids, instants, schedule
from shared.errors import Rejected, Stale, TryAgain
from shared.tables import Condition, Delete, Fields, Insert, Row, Tables, Update, key_range

TABLE = "accounts"
SYSTEM = "system"
APP_ONLY = "app_only"
BATCH = 50
MAX_FOLDERS = 20
MAX_SINGLES_PER_TICK = 20
_ROUNDS = 6
# What operators change, and what others count, while somebody signs in.
_OTHERS = ("labels", "folders", "endpoints", "common_endpoints", "filtered")
_PAUSE = ("status", "code", "since", "status_version", "next_check_at", "next_refresh_at")


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched folder; `scanned_below` is the UIDNEXT up to which it was looked through."""

    name: str
    uidvalidity: int = 0
    scanned_below: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One row: what is needed to decide and to show. Instants are text of `shared.instants`.

    kind: personal, work, or app_only, which has no owner and the tenant's token. start: what the
    first check of a folder takes: unseen mail, or what comes from now on.
    status: active, blocked, reconnect_required, paused; `code` says why, `since` when.
    endpoints: ids of those that are its own; common_endpoints: whether the others get its events
    too. filtered: events that no endpoint took. shared_mailbox: the address where it is one that
    somebody else's sign-in opens.
    """

    id: str
    shard: str
    address: str = ""
    reference: str = ""
    labels: tuple[str, ...] = ()
    kind: str = ""
    start: str = "unseen"
    tid: str = ""
    oid: str = ""
    status: str = "active"
    code: str = ""
    since: str = ""
    status_version: int = 0
    folders: tuple[Folder, ...] = ()
    generation: str = ""
    next_check_at: str = instants.NEVER
    next_refresh_at: str = instants.NEVER
    next_attempt_at: str = instants.NEVER
    next_due_at: str = instants.NEVER
    claim: str = ""
    unfinished: int = 0
    not_before: str = ""
    failures: int = 0
    last_success_at: str = ""
    last_event_at: str = ""
    connected_at: str = ""
    endpoints: tuple[str, ...] = ()
    common_endpoints: bool = True
    shared_mailbox: str = ""
    filtered: int = 0
    deleted_at: str = ""
    owed: int = 0
    dead: int = 0
    etag: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The row as it is stored, `next_due_at` worked out of the rest."""
        stored = asdict(self)
        del stored["id"], stored["shard"], stored["etag"]
        stored["folders"] = folders_text(self.folders)
        stored["labels"] = json.dumps(self.labels)
        stored["endpoints"] = json.dumps(self.endpoints)
        if not self.deleted_at:
            stored["next_due_at"] = self.due_at()
        return {"PartitionKey": self.shard, "RowKey": self.id, **stored}

    def due_at(self) -> str:
        return schedule.next_due_at(
            self.next_check_at, self.not_before, self.next_refresh_at, self.next_attempt_at
        )


def folders_text(folders: Iterable[Folder]) -> str:
    return json.dumps([[f.name, f.uidvalidity, f.scanned_below] for f in folders])


def account(row: Row) -> Account:
    """The account that a row holds; columns that are absent have their defaults."""
    known = {name: row[name] for name in Account.__dataclass_fields__ if name in row}
    for name in ("labels", "endpoints"):
        known[name] = tuple(json.loads(row.get(name, "[]")))
    known["folders"] = tuple(Folder(*item) for item in json.loads(row.get("folders", "[]")))
    return Account(**known | {"id": row["RowKey"], "shard": row["PartitionKey"], "etag": row.etag})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a queue message carries: the rows from `first` to `last` that bear the mark."""

    shard: str
    first: str
    last: str
    claim: str
    tick: str


def new_mark() -> str:
    return secrets.token_hex(8)


class Accounts:
    """The store. `claim_seconds` is how long a claim lasts unless it is renewed."""

    def __init__(self, tables: Tables, shards: int, claim_seconds: int) -> None:
        self._tables = tables
        self.shards = [f"{number:02d}" for number in range(shards)]
        self._claim_seconds = claim_seconds

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

    def write_claimed(
        self, wanted: Account, now: datetime, begun: Account | None = None
    ) -> Claim | None:
        """Writes the row, new or not, with a new claim; None where a tombstone is in the way.

        What other writers count (owed, dead) stays as it is, and so does what an operator has
        changed since `begun` was read, where `wanted` leaves it as it was then.
        """
        for _ in range(_ROUNDS):
            found = self.get(wanted.id)
            if found and found.deleted_at:
                return None
            row = replace(
                wanted,
                **_changed_since(begun, wanted, found),
                claim=new_mark(),
                unfinished=0,
                owed=found.owed if found else 0,
                dead=found.dead if found else 0,
            )
            fields = row.fields | {"next_due_at": self.claim_end(now)}
            step = Update(fields, found.etag, replace=True) if found else Insert(fields)
            try:
                self._tables.transact(TABLE, [step])
            except Stale:
                continue
            return Claim(row.shard, row.id, row.id, row.claim, instants.text(now))
        raise TryAgain("stale", TABLE)

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

    # The claim

    def due(self, shard: str, tick: datetime) -> list[Row]:
        """The rows of the shard that are due, in key order, as far as a claim needs them."""
        return self._tables.query(
            TABLE,
            ("PartitionKey", "eq", shard),
            ("next_due_at", "le", instants.text(tick)),
            select=("next_due_at", "claim", "unfinished"),
        )

    def claim(self, rows: Sequence[Row], tick: datetime, now: datetime) -> Claim | None:
        """Marks up to 50 due rows of one shard in one transaction; None where none was left."""
        mark = new_mark()
        held = {row["RowKey"]: row["claim"] for row in rows}
        due = ("next_due_at", "le", instants.text(tick))

        def changed(row: Row) -> Fields:
            unfinished = row["unfinished"] + (1 if row["claim"] else 0)
            return {"claim": mark, "unfinished": unfinished, "next_due_at": self.claim_end(now)}

        def still(row: Row) -> bool:
            return bool(held.get(row["RowKey"]) == row["claim"])

        written = self._together(rows, changed, still, due, own=("claim", "eq", mark))
        if not written:
            return None
        keys = sorted(row["RowKey"] for row in written)
        return Claim(rows[0]["PartitionKey"], keys[0], keys[-1], mark, instants.text(tick))

    def claim_now(self, account_id: str, now: datetime) -> Claim | None:
        """Makes one account's check due and claims it; None where a claim is still running.

        Raises Rejected where there is no such account, or its owner has to sign in first.
        """
        at, mark = instants.text(now), new_mark()
        for _ in range(_ROUNDS):
            found = self.get(account_id)
            if found is None or found.deleted_at or found.id == SYSTEM:
                raise Rejected("account_unknown", status=404)
            if found.status not in {"active", "blocked"}:
                raise Rejected("account_inactive", status=409)
            claim = Claim(found.shard, found.id, found.id, mark, at)
            if found.claim == mark:
                return claim  # our own write, whose answer got lost
            running = found.claim and found.next_due_at > at
            changes: dict[str, Any] = {"next_check_at": at}
            if not running:
                changes |= {
                    "claim": mark,
                    "unfinished": found.unfinished + (1 if found.claim else 0),
                    "next_due_at": self.claim_end(now),
                }
            try:
                key = {"PartitionKey": found.shard, "RowKey": found.id}
                self._tables.update(TABLE, key | changes, found.etag)
            except Stale:
                continue
            return None if running else claim
        raise TryAgain("stale", TABLE)

    def claimed(self, claim: Claim) -> list[Account]:
        """The accounts that still bear the claim's mark, whole."""
        rows = self._tables.query(
            TABLE,
            *key_range(claim.shard, claim.first, claim.last),
            ("claim", "eq", claim.claim),
        )
        return [account(row) for row in rows]

    def renew(self, held: Sequence[Account], now: datetime) -> list[Account]:
        """Lengthens the claim of those that are still ours; the others are left out."""

        def changed(_: Row) -> Fields:
            return {"next_due_at": self.claim_end(now)}

        return self._ours(held, changed)

    def finish(
        self, held: Sequence[Account], changes: Callable[[Account], dict[str, Any]]
    ) -> list[Account]:
        """Gives the accounts back; `changes` is asked for each row as it is now.

        One transaction. What is no longer ours stays as it is. Gives what was written.
        """

        def changed(row: Row) -> Fields:
            now = account(row)
            fields = changes(now) | {"claim": "", "unfinished": 0}
            known = {name: value for name, value in fields.items() if name != "folders"}
            return {"next_due_at": replace(now, **known).due_at()} | fields

        return self._ours(held, changed)

    def claim_end(self, now: datetime) -> str:
        return instants.after(now, self._claim_seconds)

    def _ours(self, held: Sequence[Account], changed: Callable[[Row], Fields]) -> list[Account]:
        if not held:
            return []
        mark = held[0].claim
        rows = [Row(item.fields, item.etag) for item in held]
        ids_held = {item.id for item in held}

        def still(row: Row) -> bool:
            return row["RowKey"] in ids_held

        return [account(row) for row in self._together(rows, changed, still, ("claim", "eq", mark))]

    def _together(
        self,
        rows: Sequence[Row],
        changed: Callable[[Row], Fields],
        still: Callable[[Row], bool],
        condition: Condition,
        own: Condition | None = None,
    ) -> list[Row]:
        """One transaction over rows of one shard; gives the rows as written.

        One stale ETag rolls all back: then the range is read again in one query, what is no
        longer ours is dropped, and the rest is tried again. own: what only our own write makes
        true; where its answer got lost, its rows are found by that.
        """
        for _ in range(_ROUNDS):
            if not rows:
                return []
            changes = [changed(row) for row in rows]
            keys = [{"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]} for row in rows]
            try:
                etags = self._tables.transact(
                    TABLE,
                    [
                        Update(key | dict(change), row.etag)
                        for key, change, row in zip(keys, changes, rows, strict=True)
                    ],
                )
            except Stale:
                written = self._tables.query(TABLE, *_range(rows), own) if own else []
                if written:
                    return written
                found = self._tables.query(TABLE, *_range(rows), condition)
                rows = [row for row in found if still(row)]
                continue
            return [
                Row(row | dict(change), etag)
                for row, change, etag in zip(rows, changes, etags, strict=True)
            ]
        raise TryAgain("stale", TABLE)


def _changed_since(begun: Account | None, wanted: Account, found: Account | None) -> dict[str, Any]:
    """What others wrote into the row since `begun` was read, where we want no change of it."""
    if begun is None or found is None:
        return {}
    same = [name for name in _OTHERS if getattr(wanted, name) == getattr(begun, name)]
    paused_since = found.status == "paused" and begun.status != "paused"
    return {name: getattr(found, name) for name in (*same, *(_PAUSE if paused_since else ()))}


def _range(rows: Sequence[Row]) -> tuple[Condition, ...]:
    keys = sorted(row["RowKey"] for row in rows)
    return key_range(rows[0]["PartitionKey"], keys[0], keys[-1])


def batches(due: Sequence[Row]) -> Iterator[list[Row]]:
    """Due rows as claims take them: up to 50 neighbours, the longest overdue first.

    What was left unfinished twice gets a message of its own, at most 20 of these a tick, so
    that an account which kills its worker takes nobody with it.
    """
    singles = [row for row in due if row["unfinished"] >= 2]
    singles.sort(key=lambda row: str(row["next_due_at"]))
    rest = [row for row in due if row["unfinished"] < 2]
    groups = [rest[start : start + BATCH] for start in range(0, len(rest), BATCH)]
    groups += [[row] for row in singles[:MAX_SINGLES_PER_TICK]]
    groups.sort(key=lambda group: min(str(row["next_due_at"]) for row in group))
    yield from groups
