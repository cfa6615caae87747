"""Rows on the wire: values with their types, keys and filters that nothing breaks out of."""

import json
from typing import Any

import pytest

from shared import table_rows
from shared.table_rows import Either

_STORED = {"odata.etag": "W/etag", "PartitionKey": "a", "RowKey": "b"}


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", "'it''s'"),
        ("x' or 1 eq 1", "'x'' or 1 eq 1'"),
        (0, "0"),
        (-(2**31), "-2147483648"),
        (2**31, "2147483648L"),
        (True, "true"),
        (False, "false"),
        (b"\x00\xff", "X'00ff'"),
    ],
)
def test_a_filter_writes_its_values_as_literals(value: Any, literal: str) -> None:
    both = table_rows.where(("PartitionKey", "eq", "x"), ("n", "gt", value))
    assert both == f"PartitionKey eq 'x' and n gt {literal}"


def test_a_filter_takes_fifteen_comparisons_and_not_one_more() -> None:
    assert table_rows.where(*[("n", "gt", 0)] * 15)
    with pytest.raises(AssertionError, match="16 comparisons"):
        table_rows.where(*[("n", "gt", 0)] * 16)


def test_a_filter_takes_rows_for_either_of_two_reasons_and_counts_them_all() -> None:
    due, unread = (("n", "le", 1),), (("s", "eq", "a"), ("t", "lt", "b"))
    found = table_rows.where(("PartitionKey", "eq", "x"), Either(due, unread))
    assert found == "PartitionKey eq 'x' and (n le 1 or s eq 'a' and t lt 'b')"
    with pytest.raises(AssertionError, match="16 comparisons"):
        table_rows.where(("n", "gt", 0), Either(due * 8, due * 7))


def test_an_address_has_its_keys_quoted_twice() -> None:
    path = table_rows.address("things", "o'clock", "a b%/é")
    assert path == "/things(PartitionKey='o%27%27clock',RowKey='a%20b%25%2F%C3%A9')"


def test_an_entity_says_the_types_that_json_does_not_have() -> None:
    fields: Any = {"small": 2**31 - 1, "large": 2**31, "yes": True, "raw": b"\xff", "text": "1"}
    assert json.loads(table_rows.entity(fields)) == {
        "small": 2**31 - 1,
        "large": "2147483648",
        "large@odata.type": "Edm.Int64",
        "yes": True,
        "raw": "/w==",
        "raw@odata.type": "Edm.Binary",
        "text": "1",
    }


def test_a_row_is_what_was_stored_and_its_etag() -> None:
    stored = {
        "odata.metadata": "https://x.example/$metadata#things/@Element",
        "Timestamp@odata.type": "Edm.DateTime",
        "Timestamp": "2026-01-31T12:00:00.1234567Z",
        "large@odata.type": "Edm.Int64",
        "large": "-9223372036854775808",
        "raw@odata.type": "Edm.Binary",
        "raw": "/w==",
        "text@odata.type": "Edm.String",
        "text": "1",
        "yes": True,
    }
    row = table_rows.row(_STORED | stored)
    key = {"PartitionKey": "a", "RowKey": "b"}
    assert row == key | {"large": -(2**63), "raw": b"\xff", "text": "1", "yes": True}
    assert row.etag == "W/etag"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"raw": "/w=", "raw@odata.type": "Edm.Binary"},
        {"raw": "/w=\n=", "raw@odata.type": "Edm.Binary"},
        {"large": "1.5", "large@odata.type": "Edm.Int64"},
        {"when": "2026-01-31T12:00:00Z", "when@odata.type": "Edm.DateTime"},
    ],
)
def test_a_value_that_is_none_of_ours_is_refused(spoilt: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        table_rows.row(_STORED | spoilt)


def test_an_entity_without_its_etag_is_refused() -> None:
    with pytest.raises(LookupError):
        table_rows.row({"PartitionKey": "a", "RowKey": "b"})
