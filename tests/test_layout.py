"""SHARDS that do not fit what is stored: noticed at once, told, and nothing is done with them."""

import itertools
from collections.abc import Iterator
from itertools import islice

import pytest

from shared import ids, instants
from shared.connector import Connector
from shared.errors import OperatorFault
from shared.tables import Insert, transactions
from tests.conftest import StartApp
from tests.lab.services import Services
from tests.moving import Moving


@pytest.fixture
def moving(start_app: StartApp, services: Services) -> Iterator[Moving]:
    made = Moving(start_app, services)
    yield made
    made.close()


def refuses(parts: Connector) -> bool:
    try:
        parts.accounts.get("acc_" + "a" * 26)
    except OperatorFault as error:
        assert error.code == "shards_changed"
        return True
    return False


def test_shards_that_are_changed_alone_are_refused(moving: Moving) -> None:
    account = moving.account(next_attempt_at=moving.now)
    alone = moving.with_shards(16)
    for _ in range(2):  # and remembered by nobody
        with pytest.raises(OperatorFault, match=r"shards_changed \(SHARDS was 1\)"):
            alone.accounts.get(account.id)
    with pytest.raises(OperatorFault):
        alone.tokens.get("", account.id)
    with pytest.raises(OperatorFault):
        alone.accounts.after("", 10)
    with pytest.raises(OperatorFault):
        alone.enrol.existing(account.id)
    assert [row["PartitionKey"] for row in moving.rows("accounts", account.id)] == ["00"]
    beat = moving.app.parts.once.heartbeat()
    assert beat and beat["shards"] == 1


def test_health_says_so_until_they_are_set_back(moving: Moving) -> None:
    moving.account()  # of which nothing is due: then the timer looks
    moving.app.tick()
    alone = moving.with_shards(16)
    alone.enqueue.enqueue(moving.clock())
    told = alone.health_details.report(moving.clock())["problems"]
    assert [one["code"] for one in told] == ["shards_changed"]
    assert alone.health.report(moving.clock()) == {"status": "degraded"}
    assert moving.app.health() == "ok"


def test_where_nothing_is_stored_yet_any_number_is_fine(moving: Moving) -> None:
    assert not refuses(moving.with_shards(16))
    assert not refuses(moving.with_shards(3))


def test_shards_before_may_not_be_taken_out_before_all_has_moved(moving: Moving) -> None:
    first = [moving.account().id for _ in range(2)]
    moving.begin()
    moving.app.edit("accounts", "00", first[0], claim="a" * 16, next_due_at=instants.NEVER)
    moving.run()
    assert refuses(moving.with_shards(16))
    assert refuses(moving.with_shards(1))
    assert not refuses(moving.with_shards(1, 16))  # the way back is open
    moving.app.edit("accounts", "00", first[0], claim="")
    moving.app.edit("once", "app", "heartbeat", shards=16, shards_before=1)
    moving.clock.forward(minutes=11)
    moving.finish()
    assert not refuses(moving.with_shards(16))
    assert refuses(moving.with_shards(1))


def test_all_keys_are_looked_at(moving: Moving) -> None:
    """The one that is out of sight comes after a page of a thousand, in another partition."""
    made = (ids.account_id("layout", str(number), "") for number in itertools.count())
    stay = list(islice((one for one in made if ids.shard_of(one, 16) == "00"), 1001))
    rows = [{"PartitionKey": "00", "RowKey": one, "claim": ""} for one in stay]
    for batch in transactions([Insert(row)] for row in rows):
        moving.app.parts.tables.transact("accounts", batch)
    assert not refuses(moving.with_shards(16))
    lost = {"PartitionKey": "03", "RowKey": stay[0], "claim": ""}
    moving.app.parts.tables.insert("accounts", lost)
    moving.app.edit("once", "app", "heartbeat", shards=2)
    assert refuses(moving.with_shards(16))


def test_a_process_looks_once(moving: Moving) -> None:
    moving.mover.shards.verify()
    moving.mover.accounts.get("acc_" + "a" * 26)
    moving.proxy.requests.clear()
    moving.mover.accounts.get(ids.account_id("tid", "1", ""))
    assert len(moving.proxy.requests) <= 3
    assert not any("once" in one for one in moving.proxy.requests)


def test_what_ran_before_there_was_a_layout_is_taken_as_it_is(moving: Moving) -> None:
    account = moving.account()
    moving.app.parts.once.beat(moving.clock())
    moving.app.parts.tables.delete("once", "app", "heartbeat")
    moving.app.parts.once.beat(moving.clock())
    assert refuses(moving.with_shards(16))
    moving.app.restart()
    assert moving.app.parts.accounts.get(account.id)
