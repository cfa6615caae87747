"""The directory of accounts: pages, one account, and bad input with its field named."""

import base64

import pytest

from shared import directory, ids
from shared.accounts import Account, Folder
from shared.connector import Connector
from shared.errors import Rejected
from tests.conftest import StartApp
from tests.lab.stepped_app import SteppedApp

_IDS = sorted(ids.account_id("tid", f"oid{number}", "") for number in range(7))


@pytest.fixture
def full(app: SteppedApp) -> SteppedApp:
    """Seven accounts, the system's row and a tombstone."""
    for name in _IDS:
        app.parts.accounts.insert(Account(id=name, shard="00", generation="canary"))
    app.parts.accounts.insert(Account(id="system", shard="00"))
    buried = Account(id="acc_" + "z" * 26, shard="00", deleted_at="2026-01-31T12:00:00Z")
    app.parts.accounts.insert(buried)
    return app


def pages(app: SteppedApp, limit: str) -> list[list[str]]:
    """The ids of all pages, as a caller goes through them."""
    found: list[list[str]] = []
    cursor = ""
    while not found or cursor:
        page = app.parts.directory.page(limit, cursor)
        found.append([one["id"] for one in page["accounts"]])
        cursor = page["cursor"]
    return found


@pytest.mark.parametrize(("limit", "sizes"), [("", [7]), ("7", [7]), ("3", [3, 3, 1])])
def test_pages_give_every_account_once(full: SteppedApp, limit: str, sizes: list[int]) -> None:
    found = pages(full, limit)
    assert [len(page) for page in found] == sizes
    assert [name for page in found for name in page] == _IDS


def test_pages_go_on_over_all_shards(start_app: StartApp) -> None:
    app = start_app(SHARDS="16")
    store = app.parts.accounts
    for name in _IDS:
        store.insert(Account(id=name, shard=store.shard_of(name)))
    assert sorted(name for page in pages(app, "2") for name in page) == _IDS


def test_without_accounts_there_is_one_empty_page(app: SteppedApp) -> None:
    assert app.parts.directory.page() == {"accounts": [], "cursor": ""}


@pytest.mark.parametrize(
    "limit",
    ["0", "201", "-1", "1.5", "many", "\u0663", "000050" + "9" * 6, "000001" + "0" * 5000, " 5"],
)
def test_a_bad_limit_is_named(parts: Connector, limit: str) -> None:
    with pytest.raises(Rejected) as caught:
        parts.directory.page(limit)
    assert (caught.value.code, caught.value.detail) == ("field_invalid", "limit")


def encoded(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "!!!", "\u00e9", "\xff", "A" * 5000),
        *(
            encoded("acc_short"),
            encoded("system"),
            encoded(f"{_IDS[0]}\n"),
            encoded("a' or 1 eq 1"),
        ),
    ],
)
def test_a_bad_cursor_is_named(parts: Connector, cursor: str) -> None:
    with pytest.raises(Rejected) as caught:
        parts.directory.page("", cursor)
    assert (caught.value.code, caught.value.detail) == ("field_invalid", "cursor")


def test_a_cursor_of_an_account_that_is_gone_goes_on_after_it(full: SteppedApp) -> None:
    first = full.parts.directory.page("3")
    full.parts.accounts.drop(full.account(_IDS[2]))
    second = full.parts.directory.page("3", first["cursor"])
    assert [one["id"] for one in second["accounts"]] == _IDS[3:6]


def test_one_account_is_shown_without_our_insides(full: SteppedApp) -> None:
    shown = full.parts.directory.show(_IDS[0])
    assert (shown["id"], shown["status"]) == (_IDS[0], "active")
    assert "canary" not in str(shown)
    assert not {"claim", "generation", "etag", "unfinished", "next_due_at"} & set(shown)


def test_folders_are_shown_by_name() -> None:
    account = Account(id=_IDS[0], shard="00", folders=(Folder("INBOX", 7, 9),), labels=("a",))
    shown = directory.view(account)
    assert (shown["folders"], shown["labels"]) == (["INBOX"], ["a"])


@pytest.mark.parametrize(
    "name",
    [
        *("", "system", "acc_", _IDS[0].upper(), f"{_IDS[0]}\n", f"{_IDS[0]}x", "../accounts"),
        *("acc_" + "a" * 26, "a/b\\c#d?e", "' or 1 eq 1", "\u00e9" * 26),
    ],
)
def test_what_is_no_account_is_not_found(parts: Connector, name: str) -> None:
    with pytest.raises(Rejected) as caught:
        parts.directory.show(name)
    assert (caught.value.code, caught.value.status) == ("account_unknown", 404)


def test_t39_a_tombstone_is_not_found(full: SteppedApp) -> None:
    with pytest.raises(Rejected, match="account_unknown"):
        full.parts.directory.show("acc_" + "z" * 26)
