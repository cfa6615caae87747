"""The stored tokens: never an older one over a newer, chunked, and bound to their row."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.connector import Connector
from shared.errors import OperatorFault, Stale, TryAgain
from shared.microsoft import Token
from shared.shards import Shards
from shared.tables import Row
from shared.token_store import TABLE, StoredToken, TokenStore
from shared.vault import Vault
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.stepped_app import SteppedApp

_EXPIRES = datetime(2026, 1, 31, 13, tzinfo=UTC)
_LATER = datetime(2026, 1, 31, 14, tzinfo=UTC)


@pytest.fixture
def tokens(parts: Connector) -> TokenStore:
    return parts.tokens


def put(tokens: TokenStore, account_id: str, cache: bytes = b"canary one") -> StoredToken:
    """A stored token, as it is read."""
    tokens.put(StoredToken(account_id, "00", "g1", cache, _EXPIRES))
    return held(tokens, account_id)


def held(tokens: TokenStore, account_id: str) -> StoredToken:
    found = tokens.get("00", account_id)
    assert found
    return found


def answer(cache: bytes = b"canary two") -> Token:
    """What Microsoft answered."""
    return Token("access", _LATER, cache, renewed=True)


def stored_row(parts: Connector, account_id: str) -> Row:
    row = parts.tables.get(TABLE, "00", account_id)
    assert row
    return row


def test_a_token_comes_back_as_it_was_stored(tokens: TokenStore, account_id: str) -> None:
    found = put(tokens, account_id)
    assert found == StoredToken(account_id, "00", "g1", b"canary one", _EXPIRES, 1, etag=found.etag)
    assert tokens.get("00", "acc_unknown") is None


def test_i6_the_repr_has_no_token(tokens: TokenStore, account_id: str) -> None:
    assert "canary" not in repr(put(tokens, account_id))


def test_t11_a_row_holds_no_token(app: SteppedApp, account_id: str) -> None:
    put(app.parts.tokens, account_id)
    assert "canary" not in json.dumps(app.rows(TABLE))


# Saving


def test_i4_a_save_counts_the_answer(tokens: TokenStore, account_id: str) -> None:
    saved = tokens.save(put(tokens, account_id), answer())
    assert (saved.cache, saved.expires_at, saved.rt_version) == (b"canary two", _LATER, 2)
    assert held(tokens, account_id) == saved


def test_f7_a_stale_save_keeps_the_newer_answer_and_gives_it(
    tokens: TokenStore, account_id: str
) -> None:
    began = put(tokens, account_id)
    newer = tokens.save(began, answer(b"newer"))
    assert tokens.save(began, answer(b"older")) == newer
    assert held(tokens, account_id).cache == b"newer"


def test_f8_a_stale_save_of_the_same_version_is_repeated(app: SteppedApp, account_id: str) -> None:
    tokens = app.parts.tokens
    began = put(tokens, account_id)
    app.edit(TABLE, "00", account_id, lease="somebody else's column")
    saved = tokens.save(began, answer())
    assert (saved.cache, saved.rt_version) == (b"canary two", 2)
    assert held(tokens, account_id) == saved


def test_f54_a_save_for_an_older_generation_is_dropped(tokens: TokenStore, account_id: str) -> None:
    began = put(tokens, account_id)
    anew = StoredToken(account_id, "00", "g2", b"signed in again", _EXPIRES, 1)
    tokens.put(anew)
    with pytest.raises(Stale):
        tokens.save(began, answer())
    assert held(tokens, account_id).cache == b"signed in again"


def test_t39_a_save_for_a_removed_account_makes_no_row(tokens: TokenStore, account_id: str) -> None:
    began = put(tokens, account_id)
    tokens.delete("00", account_id)
    with pytest.raises(Stale):
        tokens.save(began, answer())
    assert tokens.get("00", account_id) is None


def test_f8_a_save_whose_answer_gets_lost_is_a_success(
    start_app: StartApp, lossy: TableProxy, account_id: str
) -> None:
    tokens = start_app(STORAGE=lossy.connection_string).parts.tokens
    began = put(tokens, account_id)
    lossy.lose()
    saved = tokens.save(began, answer())
    assert (saved.cache, saved.rt_version) == (b"canary two", 2)


def test_t12_a_conflict_with_a_row_of_an_unknown_key_overwrites_nothing(
    parts: Connector, account_id: str
) -> None:
    began = put(parts.tokens, account_id)
    elsewhere = TokenStore(parts.tables, Vault((("k9", b"9" * 32),)), Shards(1))
    put(elsewhere, account_id, b"of another deployment")
    with pytest.raises(OperatorFault, match="unknown_encryption_key"):
        parts.tokens.save(began, answer())
    assert held(elsewhere, account_id).cache == b"of another deployment"


# The lease

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_f7_whoever_comes_second_does_not_ask(tokens: TokenStore, account_id: str) -> None:
    began = put(tokens, account_id)
    tokens.take(began, _NOW)
    for row in (began, held(tokens, account_id)):
        with pytest.raises(TryAgain, match="token_busy"):
            tokens.take(row, _NOW + timedelta(seconds=29))


def test_f6_a_killed_runs_lease_ends_after_30_seconds(tokens: TokenStore, account_id: str) -> None:
    tokens.take(put(tokens, account_id), _NOW)
    again = tokens.take(held(tokens, account_id), _NOW + timedelta(seconds=30))
    assert again.lease_until == "2026-01-31T12:01:00Z"


@pytest.mark.parametrize("minutes", [-10, 10])
def test_f51_a_clock_that_is_wrong_keeps_nobody_from_asking(
    tokens: TokenStore, account_id: str, minutes: int
) -> None:
    tokens.take(put(tokens, account_id), _NOW + timedelta(minutes=minutes))
    assert tokens.take(held(tokens, account_id), _NOW)


def test_a_save_or_a_release_ends_the_lease(tokens: TokenStore, account_id: str) -> None:
    began = put(tokens, account_id)
    tokens.save(tokens.take(began, _NOW), answer())
    tokens.release(tokens.take(held(tokens, account_id), _NOW))
    assert held(tokens, account_id).lease_until == ""
    assert held(tokens, account_id).cache == b"canary two"


def test_f7_instead_of_a_lease_a_later_answer_is_given(tokens: TokenStore, account_id: str) -> None:
    began = put(tokens, account_id)
    later = tokens.save(began, answer())
    assert tokens.take(began, _NOW) == later
    assert held(tokens, account_id).lease_until == ""


def test_f1_while_microsoft_wants_to_wait_nobody_asks(tokens: TokenStore, account_id: str) -> None:
    leased = tokens.take(put(tokens, account_id), _NOW)
    tokens.release(leased, hold_until="2026-01-31T12:10:00Z")
    with pytest.raises(TryAgain) as caught:
        tokens.take(held(tokens, account_id), _NOW + timedelta(minutes=9))
    assert caught.value.retry_after_seconds == 60
    assert tokens.take(held(tokens, account_id), _NOW + timedelta(minutes=10))


def test_f54_an_account_that_is_gone_or_another_gives_no_lease(
    tokens: TokenStore, account_id: str
) -> None:
    began = put(tokens, account_id)
    tokens.put(StoredToken(account_id, "00", "g2", b"signed in again", _EXPIRES, 1))
    with pytest.raises(Stale):
        tokens.take(began, _NOW)
    tokens.delete("00", account_id)
    with pytest.raises(Stale):
        tokens.take(began, _NOW)


def test_f8_a_lease_whose_answer_gets_lost_is_ours(
    start_app: StartApp, lossy: TableProxy, account_id: str
) -> None:
    tokens = start_app(STORAGE=lossy.connection_string).parts.tokens
    began = put(tokens, account_id)
    lossy.lose()
    leased = tokens.take(began, _NOW)
    assert leased.lease_until
    assert tokens.save(leased, answer()).rt_version == 2


# Sizes


@pytest.mark.parametrize("size", [0, 60 * 1024, 65 * 1024, 400_000])
def test_f41_a_cache_of_any_size_comes_back(tokens: TokenStore, account_id: str, size: int) -> None:
    cache = bytes(range(256)) * (size // 256)
    assert put(tokens, account_id, cache).cache == cache


def test_f41_a_large_cache_is_in_chunks_that_a_property_holds(
    parts: Connector, account_id: str
) -> None:
    put(parts.tokens, account_id, b"x" * 200_000)
    row = stored_row(parts, account_id)
    chunks = [value for name, value in row.items() if name.startswith("cache")]
    assert len(chunks) == row["chunks"] == 4
    assert max(map(len, chunks)) <= 64 * 1024


def test_f41_a_smaller_cache_leaves_no_chunk_of_the_larger(
    parts: Connector, account_id: str
) -> None:
    large = put(parts.tokens, account_id, b"x" * 200_000)
    parts.tokens.save(large, answer(b"small"))
    row = stored_row(parts, account_id)
    assert [name for name in row if name.startswith("cache")] == ["cache0"]
    assert held(parts.tokens, account_id).cache == b"small"


def test_f41_a_large_save_that_conflicts_leaves_all_chunks_of_the_other(
    tokens: TokenStore, account_id: str
) -> None:
    began = put(tokens, account_id, b"a" * 200_000)
    tokens.save(began, answer(b"b" * 200_000))
    tokens.save(began, answer(b"c" * 200_000))
    assert held(tokens, account_id).cache == b"b" * 200_000


# Reading many


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (4, 4), (5, 1)])
def test_a_batchs_rows_are_read_in_few_requests(
    start_app: StartApp, lossy: TableProxy, account_id: str, count: int, requests: int
) -> None:
    tokens = start_app(STORAGE=lossy.connection_string).parts.tokens
    names = [f"{account_id}{number:02d}" for number in range(count)]
    for name in [*names, f"{account_id}00a"]:
        put(tokens, name)
    lossy.requests.clear()
    found = tokens.rows("00", [*names[1:], names[0]])
    assert sorted(found) == names
    assert len(lossy.requests) == requests
    assert tokens.open(found[names[0]]).cache == b"canary one"


def test_a_row_that_is_missing_is_left_out(tokens: TokenStore, account_id: str) -> None:
    put(tokens, account_id)
    assert list(tokens.rows("00", [account_id, "acc_unknown"])) == [account_id]
    assert tokens.rows("00", []) == {}


# What does not belong there


def test_t11_a_cache_that_was_moved_to_another_account_does_not_open(
    parts: Connector, account_id: str
) -> None:
    put(parts.tokens, account_id)
    row = stored_row(parts, account_id)
    parts.tables.put(TABLE, {**row, "RowKey": f"{account_id}x"})
    with pytest.raises(OperatorFault, match="sealed_data_damaged"):
        parts.tokens.get("00", f"{account_id}x")


@pytest.mark.parametrize("spoilt", ["flipped", "cut", "missing"])
def test_t11_a_chunk_that_was_spoilt_fails_closed(
    parts: Connector, account_id: str, spoilt: str
) -> None:
    put(parts.tokens, account_id, b"x" * 100_000)
    row = stored_row(parts, account_id)
    chunk = row.pop("cache1")
    if spoilt == "flipped":
        row["cache1"] = chunk[:-1] + bytes([chunk[-1] ^ 1])
    elif spoilt == "cut":
        row["cache1"] = chunk[:-1]
    parts.tables.put(TABLE, row)
    with pytest.raises(OperatorFault, match="sealed_data_damaged"):
        parts.tokens.get("00", account_id)


def test_t12_an_unknown_key_is_named(parts: Connector, account_id: str) -> None:
    elsewhere = TokenStore(parts.tables, Vault((("k9", b"9" * 32),)), Shards(1))
    elsewhere.put(replace(put(parts.tokens, account_id), cache=b"x"))
    with pytest.raises(OperatorFault, match=r"unknown_encryption_key \(k9\)"):
        parts.tokens.get("00", account_id)


def test_t12_a_row_says_which_key_it_needs(parts: Connector, account_id: str) -> None:
    put(parts.tokens, account_id)
    assert stored_row(parts, account_id)["key_id"] == "k1"
