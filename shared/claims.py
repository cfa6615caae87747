"""Claims: how the rows of table `accounts` are claimed, and how they are given back.

A claim is a random mark on rows that came due, with an end. Whoever holds a queue message with
that mark tends to the rows that still carry it: a stale or doubled message finds none, and a
killed run's rows come due again when the claim ends.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import instants, places, staleness
from shared.account_rows import SYSTEM, TABLE, Account, account
from shared.errors import Rejected, Stale, TryAgain
from shared.shards import Shards
from shared.tables import Condition, Either, Fields, Insert, Row, Tables, Update, key_range

BATCH = 100
MAX_SINGLES_PER_TICK = 20
_TO_THE_MINUTE = len("2026-01-31T12:00")
_ROUNDS = 6
# What operators change, and what others count, while somebody signs in.
_OTHERS = ("labels", "folders", "endpoints", "common_endpoints", "filtered", "activity")
_PAUSE = ("status", "code", "since", "status_version", "next_check_at", "next_refresh_at")


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


class Claims:
    """The store; safe to share between threads.

    claim_seconds: how long a claim lasts unless it is renewed.
    """

    def __init__(self, tables: Tables, shards: Shards, claim_seconds: int) -> None:
        self._tables = tables
        self._shards = shards
        self._claim_seconds = claim_seconds

    @property
    def shards(self) -> list[str]:
        """Each shard that has to be scanned."""
        return self._shards.all

    def verify(self) -> None:
        """Raises OperatorFault where accounts are elsewhere too."""
        self._shards.verify()

    def scan(self, shard: str, tick: datetime, since: str) -> tuple[list[Row], list[Row]]:
        """The rows of the shard that are due, and with them the active ones unread since then.

        Both in key order, as far as a claim and `staleness` need them. One request finds both:
        the service reads the partition through for either.
        """
        at = instants.text(tick)
        unread = (("status", "eq", "active"), ("last_success_at", "lt", since))
        found = self._tables.query(
            TABLE,
            ("PartitionKey", "eq", shard),
            Either((("next_due_at", "le", at),), unread),
            select=("next_due_at", "claim", "unfinished", *staleness.COLUMNS),
        )
        return [row for row in found if row["next_due_at"] <= at], found

    def claim(self, rows: Sequence[Row], tick: datetime, now: datetime) -> Claim | None:
        """Marks up to BATCH due rows of one shard in one transaction; None where none was left."""
        mark = new_mark()
        held = {row["RowKey"]: row["claim"] for row in rows}
        due = ("next_due_at", "le", instants.text(tick))

        def changed(row: Row) -> Fields:
            unfinished = row["unfinished"] + places.bears_a_run(row)
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
            found = self._get(account_id)
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
                    "unfinished": found.unfinished + places.bears_a_run({"claim": found.claim}),
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
            return {"next_due_at": now.due_at(fields)} | fields

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

    def write_claimed(
        self, wanted: Account, now: datetime, begun: Account | None = None
    ) -> Claim | None:
        """Writes the row, new or not, with a new claim; None where a tombstone is in the way.

        What other writers count (owed, dead) stays as it is, and so does what an operator has
        changed since `begun` was read, where `wanted` leaves it as it was then.
        """
        for _ in range(_ROUNDS):
            found = self._get(wanted.id)
            if found and found.deleted_at:
                return None
            row = replace(
                wanted,
                **_changed_since(begun, wanted, found),
                shard=found.shard if found else self._shards.of(wanted.id),
                claim=new_mark(),
                unfinished=0,
                owed=found.owed if found else 0,
                owed_since=found.owed_since if found else "",
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

    def _get(self, account_id: str) -> Account | None:
        row = places.find(self._tables, self._shards, account_id)
        return account(row) if row else None


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


def batches(due: Sequence[Row], size: int = BATCH) -> Iterator[list[Row]]:
    """Due rows as claims take them: up to `size` neighbours, the longest overdue first.

    To the minute: those of one minute stay in the order of their keys, so that a mailbox has the
    same place in each tick, and about a minute lies between its checks.

    What was left unfinished twice gets a message of its own, at most 20 of these a tick, so
    that an account which kills its worker takes nobody with it.
    """
    singles = [row for row in due if row["unfinished"] >= 2]
    singles.sort(key=lambda row: str(row["next_due_at"]))
    rest = [row for row in due if row["unfinished"] < 2]
    groups = [rest[start : start + size] for start in range(0, len(rest), size)]
    groups += [[row] for row in singles[:MAX_SINGLES_PER_TICK]]
    groups.sort(key=overdue_since)
    yield from groups


def overdue_since(batch: Sequence[Row]) -> str:
    """The minute since which the batch's first row is due."""
    return min(str(row["next_due_at"]) for row in batch)[:_TO_THE_MINUTE]
