"""Short-lived one-time things: a login's row, and what the app remembers of itself."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import ids
from shared.connector import Connector
from shared.errors import OperatorFault, Stale
from shared.once import Login, Once
from shared.tables import Insert, transactions
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_FLOW = {"flow": {"code_verifier": "canary-verifier", "state": "canary-state"}}


@pytest.fixture
def once(parts: Connector) -> Once:
    return parts.once


def opened(once: Once, secret: str, now: datetime = _NOW) -> Login:
    once.open_login(secret, "canary-cookie", _FLOW, now)
    found = once.login(ids.sha256_hex(secret))
    assert found
    return found


def test_a_login_is_kept_for_ten_minutes_under_its_hash(once: Once, account_id: str) -> None:
    found = opened(once, account_id)
    assert (found.state, found.data, found.tries) == ("open", _FLOW, 0)
    assert found.expires_at == "2026-01-31T12:10:00Z"
    assert found.cookie == ids.sha256_hex("canary-cookie")


def test_t11_a_logins_row_holds_no_secret(app: SteppedApp) -> None:
    opened(app.parts.once, "canary-state")
    assert "canary" not in json.dumps(app.rows("once"))


def test_t4_of_twenty_at_once_exactly_one_gets_through(once: Once, account_id: str) -> None:
    login = opened(once, account_id)

    def use(_: int) -> bool:
        try:
            once.change(replace(login, state="used"))
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(use, range(20))) == 1


def test_a_change_gives_the_etag_for_the_next(once: Once, account_id: str) -> None:
    login = opened(once, account_id)
    etag = once.change(replace(login, state="used"))
    once.change(replace(login, state="done", data={"account": "acc_a"}, etag=etag))
    found = once.login(login.key)
    assert found
    assert (found.state, found.data) == ("done", {"account": "acc_a"})


def test_f8_a_change_whose_answer_gets_lost_is_a_success(
    start_app: StartApp, lossy: TableProxy
) -> None:
    once = start_app(STORAGE=lossy.connection_string).parts.once
    login = opened(once, "state")
    lossy.lose()
    etag = once.change(replace(login, state="used"))
    assert once.change(replace(login, state="done", etag=etag))


def test_f8_a_login_whose_answer_gets_lost_is_open(start_app: StartApp, lossy: TableProxy) -> None:
    once = start_app(STORAGE=lossy.connection_string).parts.once
    opened(once, "first, so that the table is there")
    lossy.lose()
    assert opened(once, "state").state == "open"


def test_a_state_that_is_taken_opens_no_second_login(once: Once, account_id: str) -> None:
    login = opened(once, account_id)
    with pytest.raises(Stale):
        once.open_login(account_id, "another cookie", _FLOW, _NOW)
    assert once.login(login.key) == login


def test_an_unknown_login_is_none(once: Once, account_id: str) -> None:
    assert once.login(ids.sha256_hex(account_id)) is None


def test_t11_a_flow_that_was_moved_to_another_login_does_not_open(app: SteppedApp) -> None:
    one, other = opened(app.parts.once, "one"), opened(app.parts.once, "other")
    row = app.parts.tables.get("once", "login", one.key)
    assert row
    app.edit("once", "login", other.key, data=row["data"])
    with pytest.raises(OperatorFault, match="sealed_data_damaged"):
        app.parts.once.login(other.key)


def test_t33_only_what_has_expired_is_purged(app: SteppedApp) -> None:
    once = app.parts.once
    old = [opened(once, f"old{number}") for number in range(3)]
    young = opened(once, "young", _NOW + timedelta(minutes=5))
    once.beat(_NOW)
    assert once.purge(_NOW + timedelta(minutes=11)) == 3
    assert [once.login(one.key) for one in old] == [None] * 3
    assert once.login(young.key) == young
    assert once.heartbeat()
    assert once.purge(_NOW + timedelta(minutes=11)) == 0


@pytest.mark.parametrize(("limit", "full"), [(1, True), (1200, True), (1201, False)])
def test_t33_open_logins_are_counted_beyond_one_page_of_the_service(
    many: SteppedApp, limit: int, full: bool
) -> None:
    assert many.parts.once.are_logins_full(limit, _NOW) is full
    assert not many.parts.once.are_logins_full(limit, _NOW + timedelta(minutes=10))


@pytest.fixture(scope="module")
def many(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SteppedApp]:
    """An app with 1,200 open logins; the service gives at most 1,000 rows at once."""
    app = SteppedApp(services, tmp_path_factory.mktemp("many"))
    columns = {"PartitionKey": "login", "state": "open", "expires_at": "2026-01-31T12:10:00Z"}
    rows = [Insert({**columns, "RowKey": ids.sha256_hex(str(number))}) for number in range(1200)]
    for batch in transactions([row] for row in rows):
        app.parts.tables.transact("once", batch)
    yield app
    app.close()


def test_a_heartbeat_says_when_and_what_was_seen(app: SteppedApp) -> None:
    once = app.parts.once
    assert once.heartbeat() is None
    once.beat(_NOW, due=3)
    once.beat(_NOW + timedelta(minutes=1), due=4)
    row = once.heartbeat()
    assert row
    assert (row["at"], row["due"]) == ("2026-01-31T12:01:00Z", 4)


def test_an_alarm_of_the_circuit_outlives_a_heartbeat_and_ends_with_the_circuit(
    app: SteppedApp,
) -> None:
    once = app.parts.once
    opened = {"code": "operator_credentials", "detail": "", "since": "2026-01-31T12:00:00Z"}
    once.change_circuit(None, **opened, probe_at="2026-01-31T12:00:30Z", probes=1)
    once.beat(_NOW, due=3)
    once.change_circuit(once.circuit(), probe_at="2026-01-31T12:01:30Z", probes=2)
    row = once.heartbeat()
    assert row
    assert (row["alarm"], row["alarm_since"]) == ("operator_credentials", opened["since"])
    once.change_circuit(once.circuit(), probe_at="", probes=0)
    row = once.heartbeat()
    assert row
    assert (row["alarm"], row["due"]) == ("", 3)


def test_t32_each_count_counts_also_side_by_side(app: SteppedApp) -> None:
    once = app.parts.once
    assert once.counted("poisoned") == 0
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(once.count, ["poisoned"] * 3))
    assert once.counted("poisoned") == 3
    assert once.counted("dropped") == 0
