"""Writes of rows, as the requests that make them."""

from typing import Any

import pytest

from shared import table_writes
from shared.table_writes import Delete, Insert, Merge, Operation, Update

_ETAG = "W/\"datetime'2026-01-31T12%3A00%3A00.1234567Z'\""


def test_a_request_is_the_one_that_makes_the_write_alone() -> None:
    key: Any = {"PartitionKey": "a", "RowKey": "b"}
    requests = [
        table_writes.request("things", one)
        for one in (
            Insert(key),
            Update(key, _ETAG),
            Update(key, _ETAG, replace=True),
            Merge(key),
            Delete("a", "b", _ETAG),
        )
    ]
    path = "/things(PartitionKey='a',RowKey='b')"
    assert [(one.method, one.path) for one in requests] == [
        ("POST", "/things"),
        ("PATCH", path),
        ("PUT", path),
        ("PATCH", path),
        ("DELETE", path),
    ]
    etags = [one.headers.get("If-Match") for one in requests]
    assert etags == [None, _ETAG, _ETAG, None, _ETAG]


@pytest.mark.parametrize(
    "operation", [Update({"PartitionKey": "a", "RowKey": "b"}, ""), Delete("a", "b", "")]
)
def test_t39_without_an_etag_nothing_is_sent(operation: Operation) -> None:
    with pytest.raises(AssertionError, match="ETag"):
        table_writes.request("things", operation)
