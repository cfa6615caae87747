"""Rows as the table service writes them: JSON with the types of its values, keys and filters.

Strings, booleans and 32-bit integers need no type beside them.
https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

MAX_COMPARISONS = 15
_INT32 = range(-(2**31), 2**31)
_TYPE = "@odata.type"
_INT64 = "Edm.Int64"
_BINARY = "Edm.Binary"

type Value = str | int | bool | bytes
type Fields = Mapping[str, Value]
type Condition = tuple[str, str, Value]


@dataclass(frozen=True, slots=True)
class Either:
    """Holds where all conditions of one of the two groups do."""

    one: tuple[Condition, ...]
    other: tuple[Condition, ...]


class Row(dict[str, Any]):
    """A stored entity as plain values, with the ETag that it was read under."""

    def __init__(self, fields: Mapping[str, Any], etag: str) -> None:
        super().__init__(fields)
        self.etag = etag

    @property
    def key(self) -> tuple[str, str]:
        return self["PartitionKey"], self["RowKey"]


def entity(fields: Fields) -> str:
    """The row as JSON in ASCII, on one line whatever its values are."""
    stored: dict[str, str | int] = {}
    for name, value in fields.items():
        if isinstance(value, bytes):
            stored[name] = base64.b64encode(value).decode()
            stored[name + _TYPE] = _BINARY
        elif isinstance(value, int) and value not in _INT32:
            stored[name] = str(value)
            stored[name + _TYPE] = _INT64
        else:
            stored[name] = value
    return json.dumps(stored, separators=(",", ":"))


def row(stored: dict[str, Any]) -> Row:
    """The row that a parsed entity holds, without its Timestamp.

    Raises LookupError, TypeError or ValueError for what is no entity of ours.
    """
    etag, fields = stored["odata.etag"], {}
    for name, value in stored.items():
        if name.endswith(_TYPE) or name.startswith("odata.") or name == "Timestamp":
            continue
        kind = stored.get(name + _TYPE)
        fields[name] = value if kind is None else _typed(kind, value)
    return Row(fields, etag)


def _typed(kind: str, value: str) -> Value:
    match kind:
        case "Edm.Binary":
            return base64.b64decode(value, validate=True)
        case "Edm.Int64":
            return int(value)
        case "Edm.String":
            return value
    raise ValueError(kind)


def address(table: str, partition: str, key: str) -> str:
    """The row's path below the service's endpoint."""
    return f"/{table}(PartitionKey={_key(partition)},RowKey={_key(key)})"


def _key(value: str) -> str:
    return f"'{quote(value.replace("'", "''"), safe='')}'"


def where(*conditions: Condition | Either) -> str:
    """A `$filter` of (column, operator, value) joined by `and`.

    Raises AssertionError beyond 15 comparisons: Azure refuses what the emulator lets pass.
    """
    comparisons = sum(
        len(each.one) + len(each.other) if isinstance(each, Either) else 1 for each in conditions
    )
    if comparisons > MAX_COMPARISONS:
        raise AssertionError(f"{comparisons} comparisons in a filter, at most 15 are allowed")
    return " and ".join(map(_condition, conditions))


def _condition(condition: Condition | Either) -> str:
    if isinstance(condition, Either):
        return f"({where(*condition.one)} or {where(*condition.other)})"
    column, operator, value = condition
    return f"{column} {operator} {_literal(value)}"


def _literal(value: Value) -> str:
    """https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities"""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value in _INT32 else f"{value}L"
        case bytes():
            return f"X'{value.hex()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"


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
