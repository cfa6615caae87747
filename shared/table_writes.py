"""Writes of rows: what they are, the requests that make them, and how many go together.

https://learn.microsoft.com/rest/api/storageservices/operations-on-entities
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.table_rows import Fields, Value, address, entity

MAX_OPERATIONS = 100
MAX_TRANSACTION_BYTES = 3 * 1024 * 1024
HEADERS = {"Accept": "application/json;odata=minimalmetadata", "DataServiceVersion": "3.0"}
_JSON = HEADERS | {"Content-Type": "application/json"}
_NEW = _JSON | {"Prefer": "return-no-content"}


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
class Merge:
    """Merge into the row whatever its ETag, or a new row where there is none."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Delete:
    """The row goes away, if its ETag is still this one."""

    partition: str
    row: str
    etag: str


type Operation = Insert | Update | Merge | Delete


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


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the service, alone or in a change set; path: below its endpoint."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    body: str = ""


def request(table: str, operation: Operation) -> Request:
    """The request that makes one write."""
    match operation:
        case Insert(fields):
            return Request("POST", f"/{table}", _NEW, entity(fields))
        case Update(fields, etag, replace):
            path = address(table, str(fields["PartitionKey"]), str(fields["RowKey"]))
            method = "PUT" if replace else "PATCH"
            return Request(method, path, _JSON | _if_match(etag), entity(fields))
        case Merge(fields):
            path = address(table, str(fields["PartitionKey"]), str(fields["RowKey"]))
            return Request("PATCH", path, _JSON, entity(fields))
        case Delete(partition, row, etag):
            return Request("DELETE", address(table, partition, row), HEADERS | _if_match(etag))


def put(table: str, fields: Fields) -> Request:
    """The request that writes a whole row, whatever was there before."""
    path = address(table, str(fields["PartitionKey"]), str(fields["RowKey"]))
    return Request("PUT", path, _JSON, entity(fields))


def new_table(table: str) -> Request:
    """https://learn.microsoft.com/rest/api/storageservices/create-table"""
    return Request("POST", "/Tables", _NEW, json.dumps({"TableName": table}))


def _if_match(etag: str) -> dict[str, str]:
    """Without an ETag the service would make the row where it is not there."""
    assert etag, "an update or delete needs the ETag that the row was read under"
    return {"If-Match": etag}
