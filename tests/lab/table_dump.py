"""All rows of all tables, as JSON can hold them."""

import base64
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import EntityProperty, TableServiceClient


def dump(storage: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, in key order; binary as base64."""
    with TableServiceClient.from_connection_string(storage) as service:
        names = sorted(table.name for table in service.list_tables())
        return {
            name: [_plain(row) for row in service.get_table_client(name).list_entities()]
            for name in names
        }


def rows(storage: str, table: str) -> list[dict[str, Any]]:
    """The rows of one table, which may not be there yet."""
    with TableServiceClient.from_connection_string(storage) as service:
        try:
            return [_plain(row) for row in service.get_table_client(table).list_entities()]
        except ResourceNotFoundError:
            return []


def _plain(row: Any) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, EntityProperty):
        value = value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value
