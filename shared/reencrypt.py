"""Re-encrypt: what is sealed with an older key is sealed with the newest, row by row.

Each row is written under its ETag, so a kill between any two loses nothing, and who writes the
same row meanwhile seals it with the newest key anyway. A row that does not open stays as it is.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from shared import pages_of
from shared.errors import OperatorFault, Rejected, Stale
from shared.logs import Log
from shared.tables import Row, Tables, Update, transactions

log = Log(__name__)

# Gives the update that seals a row anew, None where that is not needed; raises OperatorFault.
type Reseal = Callable[[Row], Update | None]

_SECONDS = 45
_ROWS = 100
_ROUNDS = 4


class Reencrypt:
    """Goes through tables in their order. reseals: by table, what seals its rows anew."""

    def __init__(self, tables: Tables, reseals: Mapping[str, Reseal]) -> None:
        self._tables = tables
        self._reseals = reseals

    def run(self, body: Any, seconds: float = _SECONDS) -> dict[str, Any]:
        """Seals anew what fits into the time.

        body: `next` of the answer before. Gives how many rows were `reencrypted`, how many of
        those looked at had to be `left` as they are, and `next`, '' at the end.
        """
        deadline = time.monotonic() + seconds
        done = left = 0
        for table, rows in self._pages(*self._place(body)):
            written, failed = self._sealed_anew(table, rows)
            done, left = done + written, left + failed
            if time.monotonic() > deadline:
                return _told(done, left, pages_of.cursor(table, "|".join(rows[-1].key)))
        return _told(done, left, "")

    def _place(self, body: Any) -> tuple[str, str, str]:
        if body is not None and (not isinstance(body, dict) or set(body) - {"next"}):
            raise Rejected("field_invalid", "body")
        found = (body or {}).get("next", "")
        if not isinstance(found, str):
            raise Rejected("field_invalid", "next")
        table, key = pages_of.place(found, "next")
        if table and table not in self._reseals:
            raise Rejected("field_invalid", "next")
        partition, _, row = key.partition("|")
        return table, partition, row

    def _pages(self, table: str, partition: str, row: str) -> Iterator[tuple[str, list[Row]]]:
        names = list(self._reseals)
        for name in names[names.index(table) if table else 0 :]:
            while rows := self._after(name, partition, row):
                yield name, rows
                partition, row = rows[-1].key
            partition = row = ""

    def _after(self, table: str, partition: str, row: str) -> list[Row]:
        rest: list[Row] = []
        if partition:
            here = (("PartitionKey", "eq", partition), ("RowKey", "gt", row))
            rest = self._tables.query(table, *here, limit=_ROWS)
        return rest or self._tables.query(table, ("PartitionKey", "gt", partition), limit=_ROWS)

    def _sealed_anew(self, table: str, rows: Sequence[Row]) -> tuple[int, int]:
        """How many were written, and how many could not be."""
        done = left = 0
        for _, found in groupby(rows, lambda row: row.key[0]):
            changes: list[tuple[Row, Update]] = []
            for row in found:
                try:
                    change = self._reseals[table](row)
                except OperatorFault as error:
                    log.error("row_not_re_encrypted", table=table, error=error)
                    left += 1
                else:
                    changes += [(row, change)] if change else []
            written = self._written(table, changes)
            done, left = done + written, left + len(changes) - written
        return done, left

    def _written(self, table: str, changes: Sequence[tuple[Row, Update]]) -> int:
        written, rows = 0, [row for row, _ in changes]
        for batch in transactions([change] for _, change in changes):
            here, rows = rows[: len(batch)], rows[len(batch) :]
            try:
                self._tables.transact(table, batch)
                written += len(batch)
            except Stale:
                written += sum(self._one(table, *row.key) for row in here)
        return written

    def _one(self, table: str, partition: str, row: str) -> bool:
        """The row as it is now; one that is gone, or current by now, needs nothing more."""
        for _ in range(_ROUNDS):
            found = self._tables.get(table, partition, row)
            change = self._reseals[table](found) if found else None
            if change is None:
                return True
            try:
                self._tables.transact(table, [change])
            except Stale:
                continue
            return True
        return False


def _told(done: int, left: int, after: str) -> dict[str, Any]:
    log.info("re_encrypted", rows=done, left=left)
    return {"reencrypted": done, "left": left, "next": after}
