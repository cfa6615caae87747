"""Azure Table Storage: rows, conditional writes and transactions of one partition.

The one place that knows the SDK and the service's limits: 100 operations and 4 MiB a
transaction, 64 KiB a property, 15 comparisons a filter.
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import requests
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)
from requests.adapters import HTTPAdapter

from shared.errors import Stale, TryAgain

MAX_OPERATIONS = 100
MAX_TRANSACTION_BYTES = 3 * 1024 * 1024
MAX_COMPARISONS = 15
# The SDK's own retries wait equally long for all, and don't repeat a write whose answer got lost.
# Ours may be repeated: each has its ETag, or writes the same again.
_RETRY_SECONDS = (0.1, 0.8, 1.6)
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_INT32 = range(-(2**31), 2**31)
_CONNECTIONS = 64

type Value = str | int | bool | bytes
type Fields = Mapping[str, Value]
type Condition = tuple[str, str, Value]


class Row(dict[str, Any]):
    """A stored entity as plain values, with the ETag that it was read under."""

    def __init__(self, fields: Mapping[str, Any], etag: str) -> None:
        super().__init__(fields)
        self.etag = etag

    @property
    def key(self) -> tuple[str, str]:
        return self["PartitionKey"], self["RowKey"]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row; the transaction fails with Stale where it is already there."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Update:
    """Merge (or, with replace, all of the row) under the ETag; never makes a row."""

    fields: Fields
    etag: str
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """The row goes away, if its ETag is still this one."""

    partition: str
    row: str
    etag: str


type Operation = Insert | Update | Delete


def where(*conditions: Condition) -> tuple[str, dict[str, Value]]:
    """A `$filter` of (column, operator, value) joined by `and`, and its parameters.

    Raises AssertionError beyond 15 comparisons: Azure refuses what the emulator lets pass.
    """
    if len(conditions) > MAX_COMPARISONS:
        raise AssertionError(f"{len(conditions)} comparisons in a filter, at most 15 are allowed")
    terms = (f"{column} {operator} @p{i}" for i, (column, operator, _) in enumerate(conditions))
    return " and ".join(terms), {f"p{i}": value for i, (_, _, value) in enumerate(conditions)}


def key_range(partition: str, first: str, last: str) -> tuple[Condition, ...]:
    """Conditions for the rows from `first` to `last`, both included."""
    return (
        ("PartitionKey", "eq", partition),
        ("RowKey", "ge", first),
        ("RowKey", "le", last),
    )


def prefixed(partition: str, prefix: str) -> tuple[Condition, ...]:
    """Conditions for the rows whose key begins with the prefix, which ends in `:`."""
    return (
        ("PartitionKey", "eq", partition),
        ("RowKey", "ge", prefix),
        ("RowKey", "lt", prefix[:-1] + ";"),  # the character after the colon
    )


def transactions(
    groups: Iterable[Sequence[Operation]], operations: int = MAX_OPERATIONS
) -> Iterator[list[Operation]]:
    """Groups of operations packed into transactions; a group is never torn apart."""
    batch: list[Operation] = []
    size = 0
    for group in groups:
        weight = sum(_weight(operation) for operation in group)
        if batch and (
            len(batch) + len(group) > operations or size + weight > MAX_TRANSACTION_BYTES
        ):
            yield batch
            batch, size = [], 0
        batch.extend(group)
        size += weight
    if batch:
        yield batch


def _weight(operation: Operation) -> int:
    """Bytes in the request's body: binary travels as base64, each operation has its headers."""
    fields = {} if isinstance(operation, Delete) else operation.fields
    return 700 + sum(len(name) + 40 + _value_weight(value) for name, value in fields.items())


def _value_weight(value: Value) -> int:
    if isinstance(value, bytes):
        return len(value) * 4 // 3 + 4
    return len(json.dumps(value))


class Tables:
    """All tables of one storage account; safe to share between threads."""

    def __init__(self, connection_string: str, wait: Callable[[float], None] = time.sleep) -> None:
        session = requests.Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS))
        self._service = TableServiceClient.from_connection_string(
            connection_string,
            transport=RequestsTransport(session=session, session_owner=False),
            retry_total=0,
            connection_timeout=5,
            read_timeout=15,
        )
        self._session = session
        self._wait = wait

    def close(self) -> None:
        self._service.close()
        self._session.close()

    def get(self, table: str, partition: str, row: str) -> Row | None:
        """The row, or None where it (or the table) is not there."""

        def read(client: TableClient) -> Row | None:
            try:
                return _row(client.get_entity(partition, row))
            except ResourceNotFoundError:
                return None

        return self._call(table, read)

    def query(
        self,
        table: str,
        *conditions: Condition,
        select: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Row]:
        """The rows that meet all conditions, in key order; `limit` stops the paging early."""
        text, parameters = where(*conditions)
        columns = ["PartitionKey", "RowKey", *select] if select else None

        def read(client: TableClient) -> list[Row]:
            try:
                pages = client.query_entities(
                    text,
                    parameters=parameters,
                    select=columns,
                    results_per_page=min(limit, 1000) if limit else None,
                )
                return [_row(entity) for entity in islice(pages, limit)]
            except ResourceNotFoundError:
                return []

        return self._call(table, read)

    def insert(self, table: str, fields: Fields) -> str:
        """Adds a row and gives its ETag; raises Stale where the key is taken."""
        return self.transact(table, [Insert(fields)])[0]

    def update(self, table: str, fields: Fields, etag: str) -> str:
        """Merges into the row under its ETag and gives the new one; raises Stale."""
        return self.transact(table, [Update(fields, etag)])[0]

    def put(self, table: str, fields: Fields) -> str:
        """Writes the whole row, whatever was there before, and gives its ETag."""

        def write(client: TableClient) -> str:
            answer = client.upsert_entity(_entity(fields), mode=UpdateMode.REPLACE)
            return str(answer["etag"])

        return self._make_table_and_retry(table, write)

    def delete(self, table: str, partition: str, row: str) -> None:
        """Removes the row, whatever its ETag; a row that is not there is fine."""

        def remove(client: TableClient) -> None:
            try:
                client.delete_entity(partition, row)
            except ResourceNotFoundError:
                return

        self._call(table, remove)

    def transact(self, table: str, operations: Sequence[Operation]) -> list[str]:
        """All or nothing; gives the new ETags in order ('' for a delete).

        Raises Stale where one row is not as it was read (or already or no longer there):
        nothing is written then. Or it is our own write: its answer got lost, and it was sent
        again.
        """
        if len(operations) > MAX_OPERATIONS:
            raise AssertionError(f"{len(operations)} operations in a transaction, at most 100")

        def write(client: TableClient) -> list[str]:
            if len(operations) == 1 and not isinstance(operations[0], Delete):
                return [_write_one(client, operations[0])]
            answers = client.submit_transaction([_step(operation) for operation in operations])
            return [str(answer.get("etag") or "") for answer in answers]

        return self._make_table_and_retry(table, write)

    def _make_table_and_retry[T](self, table: str, write: Callable[[TableClient], T]) -> T:
        def attempt(client: TableClient) -> T:
            try:
                return write(client)
            except ResourceNotFoundError as error:
                if not _table_is_missing(error):
                    raise
            except TableTransactionError as error:
                if not _table_is_missing(error):
                    raise
            self._service.create_table_if_not_exists(table)
            return write(client)

        return self._call(table, attempt)

    def _call[T](self, table: str, work: Callable[[TableClient], T]) -> T:
        """Runs the work; the SDK's errors are translated here and nowhere else."""
        try:
            return self._persistently(lambda: work(self._service.get_table_client(table)))
        except (ResourceExistsError, ResourceNotFoundError) as error:
            raise Stale(table) from error
        except HttpResponseError as error:
            if error.status_code in {404, 409, 412}:
                raise Stale(table) from error
            raise TryAgain("storage_unavailable", f"HTTP {error.status_code}") from error
        except AzureError as error:
            raise TryAgain("storage_unavailable", type(error).__name__) from error

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


def _table_is_missing(error: HttpResponseError) -> bool:
    return "TableNotFound" in str(getattr(error, "error_code", "")) or "TableNotFound" in str(error)


def _step(operation: Operation) -> tuple[Any, ...]:
    match operation:
        case Insert(fields):
            return "create", _entity(fields)
        case Update(fields, etag, replace):
            mode = UpdateMode.REPLACE if replace else UpdateMode.MERGE
            return "update", _entity(fields), _unmodified(etag) | {"mode": mode}
        case Delete(partition, row, etag):
            return "delete", {"PartitionKey": partition, "RowKey": row}, _unmodified(etag)


def _write_one(client: TableClient, operation: Insert | Update) -> str:
    """Without the multipart of a transaction, which costs the SDK more than the write itself."""
    match operation:
        case Insert(fields):
            answer = client.create_entity(_entity(fields))
        case Update(fields, etag, replace):
            mode = UpdateMode.REPLACE if replace else UpdateMode.MERGE
            answer = client.update_entity(_entity(fields), mode=mode, **_unmodified(etag))
    return str(answer["etag"])


def _unmodified(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _entity(fields: Fields) -> dict[str, Any]:
    """An integer beyond 32 bits has to say so; the SDK refuses it otherwise."""
    return {
        name: EntityProperty(value, EdmType.INT64)
        if isinstance(value, int) and value not in _INT32
        else value
        for name, value in fields.items()
    }


def _row(entity: Any) -> Row:
    plain = {
        name: value.value if isinstance(value, EntityProperty) else value
        for name, value in entity.items()
    }
    return Row(plain, str(entity.metadata["etag"]))
