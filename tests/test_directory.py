"""The directory of accounts: pages, one account, and bad input with its field named."""

import base64
from datetime import UTC, datetime

import pytest

from shared import account_view, ids
from shared.account_rows import Account, Folder
from shared.connector import Connector
from shared.errors import Rejected
from tests.conftest import StartApp
from tests.lab.stepped_app import SteppedApp

_NOW = datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)
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


def test_the_mails_and_failures_of_a_day_are_shown() -> None:
    account = Account(id=_IDS[0], shard="00", activity="2026-01-31T11|3.1")
    shown = account_view.view(account, _NOW)["activity"]
    assert shown["since"] == "2026-01-30T13:00:00Z"
    assert (shown["mails"][-2:], shown["failures"][-2:]) == ([3, 0], [1, 0])


def test_folders_are_shown_by_name() -> None:
    account = Account(id=_IDS[0], shard="00", folders=(Folder("INBOX", 7, 9),), labels=("a",))
    shown = account_view.view(account, _NOW)
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


# Which endpoints get an account's events


def test_an_account_is_told_which_endpoints_are_its_own(full: SteppedApp) -> None:
    told = {"endpoints": ["ep_settings", "ep_settings"], "common_endpoints": False}
    changed = full.parts.directory.change(_IDS[0], told)
    assert (changed["endpoints"], changed["common_endpoints"]) == (["ep_settings"], False)
    assert full.parts.directory.show(_IDS[0]) == changed
    others = [full.parts.directory.show(name)["endpoints"] for name in _IDS[1:]]
    assert others == [[]] * 6


def test_what_is_not_said_stays_as_it_is(full: SteppedApp) -> None:
    change = full.parts.directory.change
    change(_IDS[0], {"endpoints": ["ep_settings"]})
    change(_IDS[0], {"common_endpoints": False})
    assert change(_IDS[0], {})["endpoints"] == ["ep_settings"]
    assert change(_IDS[0], {"endpoints": []})["common_endpoints"] is False


def test_a_claim_that_is_running_is_not_disturbed(full: SteppedApp) -> None:
    full.edit("accounts", "00", _IDS[0], claim="0123456789abcdef", next_due_at="2026-02-01")
    full.parts.directory.change(_IDS[0], {"common_endpoints": False})
    row = full.account(_IDS[0])
    assert (row.claim, row.next_due_at) == ("0123456789abcdef", "2026-02-01")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({"address": "eve@a.example"}, "address"),
        ({"endpoints": "ep_settings"}, "endpoints"),
        ({"endpoints": ["ep_aaaaaaaa"]}, "endpoints"),
        ({"endpoints": [7]}, "endpoints"),
        ({"endpoints": None}, "endpoints"),
        ({"endpoints": ["ep_settings"] * 21}, "endpoints"),
        ({"endpoint_id": "ep_settings"}, "endpoint_id"),
        ({"status": "blocked"}, "status"),
        ({"status": True}, "status"),
        ({"labels": "support"}, "labels"),
        ({"labels": [""]}, "labels"),
        ({"labels": ["a\x00b"]}, "labels"),
        ({"labels": ["a" * 101]}, "labels"),
        ({"labels": [str(number) for number in range(51)]}, "labels"),
        ({"folders": []}, "folders"),
        ({"folders": "INBOX"}, "folders"),
        ({"folders": ["INBOX\r\nA1 LOGOUT"]}, "folders"),
        ({"folders": ["A\x01B"]}, "folders"),
        ({"folders": ["*"]}, "folders"),
        ({"folders": ["a" * 251]}, "folders"),
        ({"folders": [f"F{number}" for number in range(21)]}, "folders"),
        ({"common_endpoints": 1}, "common_endpoints"),
        ({"common_endpoints": None}, "common_endpoints"),
    ],
)
def test_a_bad_change_is_named_and_changes_nothing(
    full: SteppedApp, body: object, field: str
) -> None:
    before = full.account(_IDS[0])
    told = {"endpoints": ["ep_settings"]} | body if isinstance(body, dict) else body
    with pytest.raises(Rejected) as caught:
        full.parts.directory.change(_IDS[0], told)
    assert (caught.value.code, caught.value.detail) == ("field_invalid", field)
    assert full.account(_IDS[0]) == before


@pytest.mark.parametrize("name", ["", "system", "acc_" + "a" * 26, "acc_" + "z" * 26])
def test_what_is_no_account_is_not_changed(full: SteppedApp, name: str) -> None:
    with pytest.raises(Rejected, match="account_unknown"):
        full.parts.directory.change(name, {"common_endpoints": False})
