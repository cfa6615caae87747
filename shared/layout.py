"""Layout: whether the accounts are where SHARDS and SHARDS_BEFORE have us look for them.

Whoever would look for them elsewhere sees none: he would check nothing, and a mailbox connected
once more would have two rows. So each process compares its settings, once, with those that the
timer's heartbeat names; where they differ, it looks at the keys of all accounts.
"""

from collections.abc import Iterator

from shared import ids, instants
from shared.account_rows import TABLE
from shared.errors import OperatorFault, Stale, TryAgain
from shared.once import Once
from shared.tables import Row, Tables

_ROWS = 1000
_ROUNDS = 6


class Layout:
    """Checks; safe to share between threads. count, before: of our settings."""

    def __init__(
        self, tables: Tables, once: Once, count: int, before: int, clock: instants.Clock
    ) -> None:
        self._tables = tables
        self._once = once
        self._count = count
        self._before = before
        self._now = clock
        self._is_right = False

    @property
    def columns(self) -> dict[str, int]:
        """Of the heartbeat."""
        return {"shards": self._count, "shards_before": self._before}

    def check(self) -> None:
        """Raises OperatorFault `shards_changed` where accounts are out of sight."""
        if not self._is_right:
            self._check()
            self._is_right = True

    def _check(self) -> None:
        for _ in range(_ROUNDS):
            beat = self._once.heartbeat()
            if beat and {name: beat.get(name) for name in self.columns} == self.columns:
                return
            if any(not self._is_in_sight(row) for row in self._keys()):
                known = beat and beat.get("shards")
                raise OperatorFault("shards_changed", f"SHARDS was {known}" if known else "")
            try:
                since = instants.text(self._now())
                self._once.change_heartbeat(beat, **self.columns, shards_since=since)
            except Stale:
                continue
            return
        raise TryAgain("stale", "once")

    def _is_in_sight(self, row: Row) -> bool:
        counts = (self._count, self._before or self._count)
        return row["PartitionKey"] in {ids.shard_of(row["RowKey"], count) for count in counts}

    def _keys(self) -> Iterator[Row]:
        rows = self._tables.query(TABLE, ("PartitionKey", "ge", ""), select=("claim",), limit=_ROWS)
        while rows:
            yield from rows
            if len(rows) < _ROWS:
                return
            shard, last = rows[-1].key
            rest = (("PartitionKey", "eq", shard), ("RowKey", "gt", last))
            rows = self._tables.query(TABLE, *rest, select=("claim",), limit=_ROWS)
            if len(rows) < _ROWS:
                yield from rows
                beyond = ("PartitionKey", "gt", shard)
                rows = self._tables.query(TABLE, beyond, select=("claim",), limit=_ROWS)
