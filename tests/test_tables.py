"""Table storage: conditional writes, transactions, filters, and what gets lost on the way."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared import tables
from shared.connector import Connector
from shared.errors import Stale, TryAgain
from shared.tables import Delete, Fields, Insert, Operation, Tables, Update
from tests.lab.azurite import next_account
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services

_TABLE = "things"


@pytest.fixture
def store(parts: Connector) -> Tables:
    return parts.tables


@pytest.fixture
def through(lossy: TableProxy) -> Iterator[Tables]:
    """Tables behind a proxy that loses answers."""
    found = Tables(lossy.connection_string)
    yield found
    found.close()


def row(partition: str, key: str = "a", **columns: Any) -> Fields:
    return {"PartitionKey": partition, "RowKey": key, **columns}


# Filters


def test_no_query_gets_around_the_limit_of_comparisons(store: Tables) -> None:
    with pytest.raises(AssertionError, match="16 comparisons"):
        store.query(_TABLE, *[("n", "gt", 0)] * 16)


def test_a_hostile_value_finds_nothing_but_itself(store: Tables, account_id: str) -> None:
    evil = "' or PartitionKey ne '"
    store.insert(_TABLE, row(account_id, name=evil))
    store.insert(_TABLE, row(account_id, "b", name="other"))
    found = store.query(_TABLE, ("PartitionKey", "eq", account_id), ("name", "eq", evil))
    assert [one["RowKey"] for one in found] == ["a"]


def test_a_range_has_both_its_ends(store: Tables, account_id: str) -> None:
    for key in "abcd":
        store.insert(_TABLE, row(account_id, key))
    found = store.query(_TABLE, *tables.key_range(account_id, "b", "c"))
    assert [one["RowKey"] for one in found] == ["b", "c"]


def test_a_prefix_finds_its_rows_and_no_neighbours(store: Tables, account_id: str) -> None:
    for key in ("owe", "owed", "owed9", "owed:", "owed:000", "owed:zzz", "owed;", "owee"):
        store.insert(_TABLE, row(account_id, key))
    found = store.query(_TABLE, *tables.prefixed(account_id, "owed:"))
    assert [one["RowKey"] for one in found] == ["owed:", "owed:000", "owed:zzz"]


# Reading


def test_reading_from_a_table_that_is_not_there_finds_nothing(store: Tables) -> None:
    assert store.get("nowhere", "a", "b") is None
    assert store.query("nowhere", ("PartitionKey", "eq", "a")) == []
    store.delete("nowhere", "a", "b")


def test_a_table_is_made_at_the_first_write(services: Services) -> None:
    store = Tables(services.azurite.connection_string(next_account()))
    store.insert("first", row("a"))
    store.put("second", row("a"))
    store.transact("third", [Insert(row("a")), Insert(row("a", "b"))])
    for table in ("first", "second", "third"):
        assert store.get(table, "a", "a") == row("a")
    store.close()


def test_values_come_back_as_they_were_written(store: Tables, account_id: str) -> None:
    values: dict[str, Any] = {
        "text": "会議 \u0000'\"",
        "empty": "",
        "small": -1,
        "large": 2**40,
        "yes": True,
        "raw": b"\x00\xff" * 100,
    }
    store.insert(_TABLE, row(account_id, **values))
    assert store.get(_TABLE, account_id, "a") == row(account_id, **values)


def test_a_query_goes_on_over_all_pages(store: Tables, account_id: str) -> None:
    rows = [[Insert(row(account_id, f"{number:04d}"))] for number in range(1001)]
    for batch in tables.transactions(rows):
        store.transact(_TABLE, batch)
    found = store.query(_TABLE, ("PartitionKey", "eq", account_id), select=("RowKey",))
    assert [one["RowKey"] for one in found] == [f"{number:04d}" for number in range(1001)]


def test_a_limit_stops_early_and_a_selection_leaves_columns_out(
    store: Tables, account_id: str
) -> None:
    for key in "abc":
        store.insert(_TABLE, row(account_id, key, wanted=1, other=2))
    found = store.query(_TABLE, ("PartitionKey", "eq", account_id), select=("wanted",), limit=2)
    assert found == [row(account_id, key, wanted=1) for key in "ab"]
    assert all(one.etag for one in found)


# Writing


def test_f8_a_key_that_is_taken_is_stale(store: Tables, account_id: str) -> None:
    store.insert(_TABLE, row(account_id, n=1))
    with pytest.raises(Stale):
        store.insert(_TABLE, row(account_id, n=2))
    assert store.get(_TABLE, account_id, "a") == row(account_id, n=1)


def test_f8_an_update_of_what_somebody_else_changed_is_stale(
    store: Tables, account_id: str
) -> None:
    read = store.insert(_TABLE, row(account_id, n=1))
    store.update(_TABLE, row(account_id, n=2), read)
    with pytest.raises(Stale):
        store.update(_TABLE, row(account_id, n=3), read)
    assert store.get(_TABLE, account_id, "a") == row(account_id, n=2)


def test_t39_an_update_never_makes_a_row(store: Tables, account_id: str) -> None:
    read = store.insert(_TABLE, row(account_id))
    store.delete(_TABLE, account_id, "a")
    with pytest.raises(Stale):
        store.update(_TABLE, row(account_id, n=1), read)
    assert store.get(_TABLE, account_id, "a") is None


def test_an_update_merges_unless_it_replaces(store: Tables, account_id: str) -> None:
    etag = store.insert(_TABLE, row(account_id, old=1))
    etag = store.update(_TABLE, row(account_id, new=2), etag)
    assert store.get(_TABLE, account_id, "a") == row(account_id, old=1, new=2)
    store.transact(_TABLE, [Update(row(account_id, new=3), etag, replace=True)])
    assert store.get(_TABLE, account_id, "a") == row(account_id, new=3)


def test_put_writes_whatever_was_there(store: Tables, account_id: str) -> None:
    store.insert(_TABLE, row(account_id, old=1))
    store.put(_TABLE, row(account_id, new=2))
    assert store.get(_TABLE, account_id, "a") == row(account_id, new=2)


def test_f8_a_delete_of_what_somebody_else_changed_is_stale(store: Tables, account_id: str) -> None:
    read = store.insert(_TABLE, row(account_id, n=1))
    store.update(_TABLE, row(account_id, n=2), read)
    with pytest.raises(Stale):
        store.transact(_TABLE, [Delete(account_id, "a", read)])
    assert store.get(_TABLE, account_id, "a")


def test_each_write_gives_the_etag_for_the_next(store: Tables, account_id: str) -> None:
    read = store.insert(_TABLE, row(account_id, "b"))
    first, second, third = store.transact(
        _TABLE,
        [
            Insert(row(account_id)),
            Delete(account_id, "b", read),
            Insert(row(account_id, "c")),
        ],
    )
    assert second == ""
    store.transact(_TABLE, [Delete(account_id, "a", first), Delete(account_id, "c", third)])


@pytest.mark.parametrize("spoilt", ["taken", "stale", "missing"])
def test_f8_one_row_that_does_not_fit_rolls_all_back(
    store: Tables, account_id: str, spoilt: str
) -> None:
    read = store.insert(_TABLE, row(account_id, n=1))
    store.update(_TABLE, row(account_id, n=2), read)
    steps: dict[str, Operation] = {
        "taken": Insert(row(account_id)),
        "stale": Update(row(account_id, n=3), read),
        "missing": Delete(account_id, "x", read),
    }
    with pytest.raises(Stale):
        store.transact(
            _TABLE,
            [Insert(row(account_id, "new")), steps[spoilt], Insert(row(account_id, "newer"))],
        )
    assert store.query(_TABLE, ("PartitionKey", "eq", account_id)) == [row(account_id, n=2)]


# The limits of a transaction


def sizes(batches: Iterator[list[Operation]]) -> list[int]:
    return [len(batch) for batch in batches]


def inserts(count: int, size: int = 0, letter: str = "x") -> list[list[Operation]]:
    return [[Insert(row("a", f"{number:03d}", text=letter * size))] for number in range(count)]


def test_a_transaction_has_at_most_a_hundred_operations(store: Tables) -> None:
    assert sizes(tables.transactions(inserts(250))) == [100, 100, 50]
    with pytest.raises(AssertionError, match="101 operations"):
        store.transact(_TABLE, [step for group in inserts(101) for step in group])


def test_a_move_is_never_torn_apart() -> None:
    moves: list[list[Operation]] = [
        [Insert(row("a", f"new{number}")), Delete("a", f"old{number}", "etag")]
        for number in range(60)
    ]
    assert sizes(tables.transactions([*inserts(1), *moves])) == [99, 22]
    large: list[Operation] = [*inserts(1, 2_000_000)[0], *inserts(1, 2_000_000)[0]]
    assert sizes(tables.transactions([large] * 3)) == [2, 2, 2]


@pytest.mark.parametrize("letter", ["😀", "\x01"])
def test_a_transaction_is_cut_before_the_services_4_mib(
    store: Tables, account_id: str, letter: str
) -> None:
    text = letter * (30_000 // (len(letter.encode("utf-16-le")) // 2))  # 180 kB on the wire
    rows = [[Insert(row(account_id, f"{number:03d}", text=text))] for number in range(30)]
    for batch in tables.transactions(rows):
        store.transact(_TABLE, batch)
    assert len(store.query(_TABLE, ("PartitionKey", "eq", account_id), select=("n",))) == 30


def test_binary_counts_as_what_it_is_on_the_wire(store: Tables, account_id: str) -> None:
    rows = [[Insert(row(account_id, f"{n:03d}", raw=b"\xff" * 60_000))] for n in range(60)]
    batches = list(tables.transactions(rows))
    assert all(60_000 * len(batch) * 4 / 3 < 3 * 1024 * 1024 for batch in batches)
    for batch in batches:
        store.transact(_TABLE, batch)


def test_nothing_to_write_is_no_transaction() -> None:
    assert list(tables.transactions([])) == []


# What gets lost


def test_f40_a_busy_service_is_asked_again(through: Tables, lossy: TableProxy) -> None:
    lossy.refuse(1)
    through.insert(_TABLE, row("a"))
    lossy.refuse(1)
    assert through.get(_TABLE, "a", "a") == row("a")


def test_f40_a_service_that_stays_away_is_a_passing_fault(
    through: Tables, lossy: TableProxy
) -> None:
    lossy.refuse(1000)
    with pytest.raises(TryAgain) as caught:
        through.put(_TABLE, row("canary", text="canary"))
    assert str(caught.value) == "storage_unavailable (HTTP 503)"
    assert len(lossy.requests) <= 4


def test_f40_what_failed_together_does_not_come_back_together(lossy: TableProxy) -> None:
    waits: list[float] = []
    tables = Tables(lossy.connection_string, wait=waits.append)
    for _ in range(20):
        lossy.refuse(4)
        with pytest.raises(TryAgain):
            tables.get(_TABLE, "a", "a")
    tables.close()
    for number, least in enumerate((0.1, 0.8, 1.6)):
        assert all(least <= wait <= 1.5 * least for wait in waits[number::3])
    assert len(set(waits)) == len(waits) == 60


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_f40_three_failures_are_outlasted(lossy: TableProxy, status: int) -> None:
    tables = Tables(lossy.connection_string, wait=lambda seconds: None)
    lossy.refuse(3, status=status)
    assert tables.get(_TABLE, "a", "a") is None
    lossy.refuse(1, status=403)
    with pytest.raises(TryAgain, match="403"):
        tables.get(_TABLE, "a", "a")
    tables.close()


def test_f8_a_write_whose_answer_gets_lost_is_sent_again_and_made_once(
    through: Tables, lossy: TableProxy
) -> None:
    etag = through.insert(_TABLE, row("a", n=1))
    lossy.lose()
    with pytest.raises(Stale):
        through.update(_TABLE, row("a", n=2), etag)
    assert through.get(_TABLE, "a", "a") == row("a", n=2)


def test_f8_a_transaction_whose_answer_gets_lost_is_sent_again_and_made_once(
    through: Tables, lossy: TableProxy
) -> None:
    through.put(_TABLE, row("canary"))
    lossy.requests.clear()
    lossy.lose()
    with pytest.raises(Stale):
        through.transact(_TABLE, [Insert(row("a", key)) for key in "abc"])
    assert [one.partition("/lab")[0] for one in lossy.requests] == ["POST ", "POST "]
    assert len(through.query(_TABLE, ("PartitionKey", "eq", "a"))) == 3
