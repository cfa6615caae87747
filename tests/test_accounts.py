"""Accounts: rows, found and listed."""

from dataclasses import replace

import pytest

from shared.account_rows import Account, Folder, account
from shared.errors import Stale
from shared.tables import Row
from tests.conftest import StartApp
from tests.due_accounts import IDS, at, made
from tests.lab.http_proxy import TableProxy
from tests.lab.stepped_app import SteppedApp


def test_an_account_comes_back_as_it_was_written(app: SteppedApp) -> None:
    new = Account(
        id=IDS[0],
        shard="00",
        address="ada@outlook.example",
        labels=("a", "b"),
        folders=(Folder("INBOX", 7, 10), Folder("Entwürfe/\\#?", 1, 2)),
        next_check_at=at(60),
    )
    etag = app.parts.accounts.insert(new)
    stored = replace(new, etag=etag, next_due_at=at(30))
    assert app.parts.accounts.get(IDS[0]) == stored


def test_a_row_of_an_older_release_has_defaults_for_what_it_lacks() -> None:
    found = account(Row({"PartitionKey": "00", "RowKey": IDS[0], "claim": ""}, "e"))
    assert found == Account(id=IDS[0], shard="00", etag="e")


def test_f8_the_same_account_is_not_inserted_twice(app: SteppedApp) -> None:
    made(app, 1)
    with pytest.raises(Stale):
        app.parts.accounts.insert(Account(id=IDS[0], shard="00"))


def test_f8_a_replace_of_what_somebody_else_changed_is_stale(app: SteppedApp) -> None:
    made(app, 1)
    read = app.account(IDS[0])
    app.edit("accounts", "00", IDS[0], address="changed@outlook.example")
    with pytest.raises(Stale):
        app.parts.accounts.replace(replace(read, reference="ours"))
    assert app.account(IDS[0]).reference == ""


def test_f8_a_replace_whose_answer_gets_lost_is_a_success(
    start_app: StartApp, lossy: TableProxy
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    made(app, 1)
    lossy.lose()
    etag = app.parts.accounts.replace(replace(app.account(IDS[0]), reference="ours"))
    assert app.account(IDS[0]).etag == etag


def test_a_listing_goes_through_all_shards_in_order(start_app: StartApp) -> None:
    store = start_app(SHARDS="16").parts.accounts
    for name in IDS[:20]:
        store.insert(Account(id=name, shard=store.shard_of(name)))
    store.insert(Account(id="system", shard=store.shard_of("system")))
    listed = [one.id for one in store.after("", 20)]
    assert sorted(listed) == IDS[:20]
    assert [one.id for one in store.after(listed[6], 5)] == listed[7:12]


def test_t39_a_listing_leaves_tombstones_out(app: SteppedApp) -> None:
    made(app, 10)
    for name in IDS[:4]:
        app.edit("accounts", "00", name, deleted_at=at(0))
    assert [one.id for one in app.parts.accounts.after("", 3)] == IDS[4:7]
