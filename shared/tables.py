"""Azure Table Storage: rows, conditional writes and transactions of one partition.

The one place that knows what the service's refusals mean, and when to ask it again.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

from azure.core.exceptions import AzureError, HttpResponseError

from shared.errors import Stale, TryAgain
from shared.table_access import Token
from shared.table_rows import Condition as Condition
from shared.table_rows import Either as Either
from shared.table_rows import Fields as Fields
from shared.table_rows import Row as Row
from shared.table_rows import address, where
from shared.table_rows import key_range as key_range
from shared.table_rows import prefixed as prefixed
from shared.table_wire import Refused, Wire
from shared.table_writes import MAX_OPERATIONS, put, request
from shared.table_writes import Delete as Delete
from shared.table_writes import Insert as Insert
from shared.table_writes import Merge as Merge
from shared.table_writes import Operation as Operation
from shared.table_writes import Update as Update
from shared.table_writes import transactions as transactions

# The SDK's own retries wait equally long for all, and don't repeat a write whose answer got lost.
# Ours may be repeated: each has its ETag, or writes the same again.
_RETRY_SECONDS = (0.1, 0.8, 1.6)
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_PAGE = 1000


class Tables:
    """All tables of one storage account; safe to share between threads.

    place, token, ca_file, read_seconds: see `Wire`. wait: sleeps between tries.
    """

    def __init__(
        self,
        place: str,
        wait: Callable[[float], None] = time.sleep,
        read_seconds: float = 15,
        *,
        ca_file: str = "",
        token: Token | None = None,
    ) -> None:
        self._wire = Wire(place, read_seconds, ca_file, token)
        self._wait = wait

    def close(self) -> None:
        self._wire.close()

    def get(self, table: str, partition: str, row: str) -> Row | None:
        """The row, or None where it (or the table) is not there."""
        path = address(table, partition, row)
        return self._call(table, lambda: _unless_missing(lambda: self._wire.row(path), None))

    def query(
        self,
        table: str,
        *conditions: Condition | Either,
        select: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Row]:
        """The rows that meet all conditions, in key order; `limit` stops the paging early."""
        query = {"$filter": where(*conditions)}
        if select:
            query["$select"] = ",".join(("PartitionKey", "RowKey", *select))
        if limit:
            query["$top"] = str(min(limit, _PAGE))

        def read() -> list[Row]:
            return list(islice(self._wire.rows(table, query), limit))

        return self._call(table, lambda: _unless_missing(read, []))

    def server_time(self) -> datetime:
        """What the service's clock says, to the second."""
        return self._call("tables", self._wire.server_time)

    def insert(self, table: str, fields: Fields) -> str:
        """Adds a row and gives its ETag; raises Stale where the key is taken."""
        return self.transact(table, [Insert(fields)])[0]

    def update(self, table: str, fields: Fields, etag: str) -> str:
        """Merges into the row under its ETag and gives the new one; raises Stale."""
        return self.transact(table, [Update(fields, etag)])[0]

    def put(self, table: str, fields: Fields) -> str:
        """Writes the whole row, whatever was there before, and gives its ETag."""
        return self._make_table_and_retry(table, lambda: self._wire.write(put(table, fields)))

    def delete(self, table: str, partition: str, row: str) -> None:
        """Removes the row, whatever its ETag; a row that is not there is fine."""
        anyhow = request(table, Delete(partition, row, "*"))
        self._call(table, lambda: _unless_missing(lambda: self._wire.write(anyhow), ""))

    def transact(self, table: str, operations: Sequence[Operation]) -> list[str]:
        """All or nothing; gives the new ETags in order ('' for a delete).

        Raises Stale where one row is not as it was read (or already or no longer there):
        nothing is written then. Or it is our own write: its answer got lost, and it was sent
        again.
        """
        if len(operations) > MAX_OPERATIONS:
            raise AssertionError(f"{len(operations)} operations in a transaction, at most 100")
        writes = [request(table, operation) for operation in operations]

        def write() -> list[str]:
            if len(writes) == 1:
                return [self._wire.write(writes[0])]
            return self._wire.write_together(writes)

        return self._make_table_and_retry(table, write)

    def _make_table_and_retry[T](self, table: str, write: Callable[[], T]) -> T:
        def attempt() -> T:
            try:
                return write()
            except Refused as error:
                if error.error_code != "TableNotFound":
                    raise
            self._wire.make_table(table)
            return write()

        return self._call(table, attempt)

    def _call[T](self, table: str, work: Callable[[], T]) -> T:
        """Runs the work; the service's errors are translated here and nowhere else."""
        try:
            return self._persistently(work)
        except HttpResponseError as error:
            if error.status_code in {404, 409, 412}:
                raise Stale(table) from error
            raise failure(error) from error
        except AzureError as error:
            raise failure(error) from error

    def _persistently[T](self, work: Callable[[], T]) -> T:
        """Up to four times where the service is busy, or did not answer.

        Up to half as long again between them, at random: what failed together would come back
        together.
        """
        for seconds in _RETRY_SECONDS:
            try:
                return work()
            except AzureError as error:
                if getattr(error, "status_code", None) not in _BUSY | {None}:
                    raise
            self._wait(seconds * (1 + random.random() / 2))  # noqa: S311 - spreads load
        return work()


def failure(error: AzureError) -> TryAgain:
    """What an error of a storage service is for a flow: it did not work, or we were not let in."""
    status = getattr(error, "status_code", None)
    if not status:
        return TryAgain("storage_unavailable", type(error).__name__)
    if status not in {401, 403}:
        return TryAgain("storage_unavailable", f"HTTP {status}")
    said = getattr(error, "error_code", None)
    said = str(getattr(said, "value", said) or "")
    known = f", {said}" if re.fullmatch(r"[A-Za-z]{1,64}", said) else ""
    return TryAgain("storage_denied", f"HTTP {status}{known}")


def _unless_missing[T, M](read: Callable[[], T], missing: M) -> T | M:
    """What is read, or `missing` where the row or its table is not there."""
    try:
        return read()
    except Refused as error:
        if error.status_code != 404:
            raise
        return missing
