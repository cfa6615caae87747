"""The outbox: one partition of table `mailboxes` per account.

`state` fences and numbers, `cursor:…` says how far a folder was read, `owed:…` is an event that
some endpoint has not taken yet, `dead:…` one whose attempts are used up, `done:…` one that all
took (kept 7 days). The cursor moves only in the transaction that records the events, and only
where `state` is as it was read: it's fine to be killed between any two lines.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared import ids, instants, outbox_rows
from shared.errors import Stale, TryAgain
from shared.outbox_rows import TABLE, Cursor, Delivery, Event, Standing, State
from shared.tables import (
    Condition,
    Delete,
    Insert,
    Operation,
    Row,
    Tables,
    Update,
    prefixed,
    transactions,
)
from shared.vault import Vault

MAX_EVENTS = 98
MAX_DUE = 500
DONE_KEPT = timedelta(days=7)
_ROUNDS = 4
_PURGED_AT_ONCE = 1000


class Outbox:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault, *, mark_seen: bool = False) -> None:
        self._tables = tables
        self._vault = vault
        self._mark_seen = mark_seen

    # state and cursors

    def state(self, account: str) -> State | None:
        row = self._tables.get(TABLE, account, "state")
        return outbox_rows.state(row) if row else None

    def open(self, account: str, generation: str) -> State:
        """Begins a generation: fences every run of an older one, keeps numbers and cursors."""
        for _ in range(_ROUNDS):
            now = self.state(account)
            wanted = State(account, generation, now.next_sequence if now else 1)
            fields = outbox_rows.state_fields(wanted)
            step = Update(fields, now.etag) if now else Insert(fields)
            try:
                return replace(wanted, etag=self._tables.transact(TABLE, [step])[0])
            except Stale:
                continue
        raise TryAgain("stale", TABLE)

    def cursors(self, account: str) -> dict[str, Cursor]:
        """The cursors by folder."""
        rows = self._tables.query(TABLE, *prefixed(account, "cursor:"))
        return {row["folder"]: outbox_rows.cursor(row) for row in rows}

    def add_cursor(self, account: str, folder: str) -> None:
        """A cursor at the start for a folder that has none; one that is there stays."""
        try:
            fields = {"PartitionKey": account, **Cursor(folder).fields}
            self._tables.insert(TABLE, fields)
        except Stale:
            return

    def drop_cursors(self, account: str, folders: Iterable[str]) -> None:
        """Forgets how far these folders were read; a run that looks at one gives up."""
        for folder in folders:
            self._tables.delete(TABLE, account, ids.cursor_key(folder))

    # recording

    def record(
        self, state: State, cursor: Cursor | None, moved: Cursor | None, events: Sequence[Event]
    ) -> tuple[State, Cursor | None, list[Event]]:
        """Owes the events and moves the cursor, in one transaction; at most 98 events.

        Gives all three as they are now stored. Raises Stale where another generation began or
        another run moved the cursor: then nothing was written.
        """
        writer = secrets.token_hex(8)
        for _ in range(_ROUNDS):
            numbered = [
                replace(event, sequence=state.next_sequence + number)
                for number, event in enumerate(events)
            ]
            after = replace(state, next_sequence=state.next_sequence + len(numbered), writer=writer)
            steps: list[Operation] = [Update(outbox_rows.state_fields(after), state.etag)]
            if cursor and moved:
                fields = {"PartitionKey": state.account, **moved.fields}
                steps.append(Update(fields, cursor.etag))
            steps += [
                Insert(outbox_rows.owed_fields(self._vault, state.account, event))
                for event in numbered
            ]
            try:
                etags = self._tables.transact(TABLE, steps)
            except Stale:
                state, cursor, landed = self._read_again(state, cursor, writer)
                if landed:
                    return state, cursor, self._stored(state.account, numbered)
                continue
            first = len(steps) - len(numbered)
            return (
                replace(after, etag=etags[0]),
                replace(moved, etag=etags[1]) if cursor and moved else cursor,
                [
                    replace(event, etag=etag)
                    for event, etag in zip(numbered, etags[first:], strict=True)
                ],
            )
        raise TryAgain("stale", TABLE)

    def _read_again(
        self, state: State, cursor: Cursor | None, writer: str
    ) -> tuple[State, Cursor | None, bool]:
        """After a 412: whether it was our own write whose answer got lost, or may be repeated."""
        now = self.state(state.account)
        if now is None or now.generation != state.generation:
            raise Stale(TABLE)
        found = self.cursors(state.account).get(cursor.folder) if cursor else None
        if now.writer == writer:
            return now, found, True
        if cursor and (found is None or replace(found, etag="") != replace(cursor, etag="")):
            raise Stale(TABLE)
        return now, found, False

    def _stored(self, account: str, events: Sequence[Event]) -> list[Event]:
        stored = self._as_stored(account, events)
        return [stored[event.sequence] for event in events if event.sequence in stored]

    # settling

    def settle(self, account: str, events: Sequence[Event], now: datetime) -> list[Event]:
        """Writes what the attempts came to: still owed, dead, or done; gives those not done.

        A row that somebody else settled or removed meanwhile is left alone.
        """
        groups = [(event, self._settled(account, event, now)) for event in events]
        kept: list[Event] = []
        # Each group is a move (insert + delete) or an update; it is never torn apart.
        start = 0
        for batch in transactions(steps for _, steps in groups):
            part: list[tuple[Event, list[Operation]]] = []
            operations = 0
            while operations < len(batch):
                part.append(groups[start])
                operations += len(groups[start][1])
                start += 1
            kept += self._settle_batch(account, part, now)
        return kept

    def _settle_batch(
        self, account: str, part: list[tuple[Event, list[Operation]]], now: datetime
    ) -> list[Event]:
        for _ in range(_ROUNDS):
            if not part:
                return []
            try:
                etags = self._tables.transact(TABLE, [step for _, steps in part for step in steps])
            except Stale:
                found = self._as_stored(account, [event for event, _ in part])
                fresh = [
                    replace(event, etag=found[event.sequence].etag)
                    for event, _ in part
                    if event.sequence in found
                ]
                part = [(event, self._settled(account, event, now)) for event in fresh]
                continue
            kept = []
            for event, steps in part:
                own, etags = etags[: len(steps)], etags[len(steps) :]
                if isinstance(steps[0], Update):
                    kept.append(replace(event, etag=own[0]))
            return kept
        raise TryAgain("stale", TABLE)

    def _settled(self, account: str, event: Event, now: datetime) -> list[Operation]:
        if event.is_open:
            return [Update(outbox_rows.owed_fields(self._vault, account, event), event.etag)]
        gone = Delete(account, ids.owed_key(event.sequence), event.etag)
        if event.has_dead:
            return [Insert(outbox_rows.dead_fields(self._vault, account, event)), gone]
        to_mark = self._mark_seen and event.uid > 0 and event.was_taken
        fields = outbox_rows.done_fields(self._vault, account, event, now, to_mark=to_mark)
        return [Insert(fields), gone]

    def reopen(self, account: str, again: Sequence[tuple[str, Event]]) -> None:
        """Owes events again whose rows have these keys; a row that is gone is left out."""
        for batch in transactions(self._reopened(account, key, event) for key, event in again):
            try:
                self._tables.transact(TABLE, batch)
            except Stale:
                if len(again) > 1:
                    for one in again:
                        self.reopen(account, [one])
                    return
                found = self.find(account, again[0][1].webhook_id)
                if found and not found[1].is_open:
                    self.reopen(account, [(found[0], replace(again[0][1], etag=found[1].etag))])

    def _reopened(self, account: str, key: str, event: Event) -> list[Operation]:
        fields = outbox_rows.owed_fields(self._vault, account, event)
        if key == fields["RowKey"]:
            return [Update(fields, event.etag)]
        return [Insert(fields), Delete(account, key, event.etag)]

    # reading

    def find(self, account: str, webhook_id: str) -> tuple[str, Event] | None:
        """The event of this id and the key of its row, whatever became of it."""
        rows = self._tables.query(
            TABLE, ("PartitionKey", "eq", account), ("webhook_id", "eq", webhook_id), limit=1
        )
        return (rows[0]["RowKey"], outbox_rows.event(self._vault, rows[0])) if rows else None

    def listed(self, account: str, state: str, after: str, limit: int) -> list[tuple[str, Event]]:
        """Events in a state with the keys of their rows, from behind a key on.

        state: owed, done, or dead, which is also an event that some endpoint may still get.
        """
        conditions: tuple[Condition, ...] = prefixed(account, f"{state}:")
        if state == "dead":
            conditions = (("PartitionKey", "eq", account), ("has_dead", "eq", True))
        rows = self._tables.query(TABLE, *conditions, ("RowKey", "gt", after), limit=limit)
        return [(row["RowKey"], outbox_rows.event(self._vault, row)) for row in rows]

    def due(self, account: str, tick: str) -> list[Event]:
        """Owed events whose next attempt is due, oldest first, at most 500."""
        rows = self._tables.query(
            TABLE, *prefixed(account, "owed:"), ("next_at", "le", tick), limit=MAX_DUE
        )
        return [outbox_rows.event(self._vault, row) for row in rows]

    def standing(self, account: str) -> Standing:
        """Counts and the earliest next attempt, from all rows that are owed or dead."""
        columns = ("next_at", "has_dead", "endpoints", "recorded_at")
        owed = self._tables.query(TABLE, *prefixed(account, "owed:"), select=columns)
        dead = self._tables.query(TABLE, *prefixed(account, "dead:"), select=columns)
        return Standing(
            owed=len(owed),
            owed_since=min((row["recorded_at"] for row in owed), default=""),
            dead=len(dead) + sum(row["has_dead"] for row in owed),
            next_at=min((row["next_at"] for row in owed), default=instants.NEVER),
            open=frozenset(
                (name, one.state)
                for row in owed
                for name, one in outbox_rows.deliveries(row).items()
                if one.is_open
            ),
        )

    def owed(
        self, account: str, picks: Callable[[Mapping[str, Delivery]], bool]
    ) -> Iterator[list[Event]]:
        """Owed events that `picks` takes, oldest first, in groups that fit a transaction."""
        rows = self._tables.query(TABLE, *prefixed(account, "owed:"), select=("endpoints",))
        picked = [row["RowKey"] for row in rows if picks(outbox_rows.deliveries(row))]
        for start in range(0, len(picked), MAX_EVENTS):
            group = picked[start : start + MAX_EVENTS]
            found = self._between(account, group[0], group[-1])
            yield [event for event in found if ids.owed_key(event.sequence) in set(group)]

    def to_mark(self, account: str) -> list[tuple[str, Event]]:
        """Mails that all endpoints took and nobody marked yet, with the keys of their rows."""
        rows = self._tables.query(
            TABLE, *prefixed(account, "done:"), ("to_mark", "eq", True), limit=MAX_DUE
        )
        return [(row["RowKey"], outbox_rows.event(self._vault, row)) for row in rows]

    def marked(self, account: str, rows: Sequence[tuple[str, Event]]) -> None:
        """They need not be marked any more; a row that changed meanwhile is looked at again."""
        steps = [
            [Update({"PartitionKey": account, "RowKey": key, "to_mark": False}, event.etag)]
            for key, event in rows
        ]
        for batch in transactions(steps):
            with contextlib.suppress(Stale):
                self._tables.transact(TABLE, batch)

    def known_mail(self, account: str) -> Callable[[Mapping[str, Any]], bool]:
        """Tells whether a mail is owed, dead or was done in the last 7 days, whatever its UID."""
        rows = self._tables.query(
            TABLE, ("PartitionKey", "eq", account), ("uid", "gt", 0), select=("hash",)
        )
        known = {row["hash"] for row in rows}

        def is_known(fields: Mapping[str, Any]) -> bool:
            key = outbox_rows.mail_key(fields)
            return not known.isdisjoint(self._vault.keyed_hashes(key, TABLE, account))

        return is_known

    def holds(self, account: str, column: str, value: str) -> bool:
        """Whether an event is owed, dead or done whose `webhook_id` or `type` this is."""
        return bool(
            self._tables.query(
                TABLE,
                ("PartitionKey", "eq", account),
                (column, "eq", value),
                select=(column,),
                limit=1,
            )
        )

    def resealed(self, row: Row) -> Update | None:
        """An event's row under the newest key; None where it is already, or is no event's."""
        fields = outbox_rows.resealed(self._vault, row)
        return Update(fields, row.etag) if fields else None

    def purge_done(self, account: str, now: datetime) -> None:
        """Removes what was done more than 7 days ago."""
        end = outbox_rows.done_from(now - DONE_KEPT)
        rows = self._tables.query(
            TABLE,
            ("PartitionKey", "eq", account),
            ("RowKey", "ge", "done:"),
            ("RowKey", "lt", end),
            select=("RowKey",),
            limit=_PURGED_AT_ONCE,
        )
        self._remove(rows)

    def remove(self, account: str, *prefixes: str) -> bool:
        """Removes rows by key prefix (`state` is a key); gives whether anything was there."""
        found = False
        for prefix in prefixes:
            if prefix == "state":
                row = self._tables.get(TABLE, account, prefix)
                rows = [row] if row else []
            else:
                rows = self._tables.query(
                    TABLE, *prefixed(account, prefix), select=("RowKey",), limit=_PURGED_AT_ONCE
                )
            found = found or bool(rows)
            self._remove(rows)
        return found

    def _remove(self, rows: Sequence[Row]) -> None:
        for batch in transactions([Delete(*row.key, row.etag)] for row in rows):
            try:
                self._tables.transact(TABLE, batch)
            except Stale:
                continue  # somebody was faster; the next turn meets what is left

    def _as_stored(self, account: str, events: Sequence[Event]) -> dict[int, Event]:
        """The events that are still owed, by sequence, read in one query."""
        keys = sorted(ids.owed_key(event.sequence) for event in events)
        return {event.sequence: event for event in self._between(account, keys[0], keys[-1])}

    def _between(self, account: str, first: str, last: str) -> list[Event]:
        rows = self._tables.query(
            TABLE,
            ("PartitionKey", "eq", account),
            ("RowKey", "ge", first),
            ("RowKey", "le", last),
        )
        return [outbox_rows.event(self._vault, row) for row in rows]
