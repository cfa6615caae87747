"""The breaker: a failing endpoint is spared, probed, and given up with a word to the others."""

import threading
from datetime import timedelta

import pytest

from shared import events, instants
from shared.account_rows import Account
from shared.circuit import Circuit
from shared.connector import Connector
from shared.ledger import Ledger
from shared.webhooks import Answer
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services

_DOWN = {"status": 503}
_GONE = {"status": 410}
_OWN = "ep_settings"


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


@pytest.fixture
def account(desk: Desk, account_id: str) -> Account:
    return desk.account(account_id)


def opened(desk: Desk, account: Account, count: int = 8) -> None:
    """Owes events until the settings' endpoint, which is down, has its circuit open."""
    desk.answer("settings", _DOWN)
    desk.owe(account, count)
    desk.tick()
    assert desk.stored(_OWN).circuit.is_open


# The circuit


def test_f31_after_five_failures_the_rest_waits_and_uses_no_attempt(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    assert len(desk.came("settings")) == 5
    deliveries = desk.deliveries(account, _OWN)
    assert [one[1] for one in deliveries] == [1] * 5 + [0] * 3
    assert {one[2] for one in deliveries[5:]} == {instants.after(desk.clock(), 60)}


def test_f31_an_open_circuit_is_probed_with_its_oldest_event_ever_more_seldom(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    oldest = desk.sent_ids("settings")[0]
    for minutes in (1, 2, 4, 8, 16, 30, 30):
        desk.receiver.forget()
        desk.tick(seconds=minutes * 60 - 1)
        assert desk.came("settings") == []
        desk.tick(seconds=1)
        assert desk.sent_ids("settings") == [oldest]
    assert [one[1] for one in desk.deliveries(account, _OWN)] == [1] * 5 + [0] * 3


def test_a_success_closes_the_circuit_and_the_rest_is_delivered(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    desk.answer("settings")
    desk.tick(minutes=1)
    assert desk.states(account, _OWN) == ["done"] * 8
    assert len(desk.came("settings")) == 5 + 8
    assert desk.stored(_OWN).circuit == Circuit()
    assert desk.app.account(account.id).owed == 0


def test_of_two_runs_at_once_one_makes_the_probe(desk: Desk, account: Account) -> None:
    opened(desk, account)
    desk.clock.forward(minutes=1)
    runs = [Connector(desk.parts.settings, desk.clock) for _ in range(2)]
    endpoint = desk.stored(_OWN)
    assert [one.breaker.lease_probe(endpoint, desk.clock()) for one in runs] == [True, False]


def test_while_another_run_probes_nothing_is_sent(desk: Desk, account: Account) -> None:
    opened(desk, account)
    desk.clock.forward(minutes=1)
    other = Connector(desk.parts.settings, desk.clock)
    assert other.breaker.lease_probe(desk.stored(_OWN), desk.clock())
    desk.receiver.forget()
    desk.tick()
    assert desk.came("settings") == []
    assert {one[2] for one in desk.deliveries(account, _OWN)} == {instants.after(desk.clock(), 30)}


def test_a_probe_whose_run_was_killed_is_made_30_seconds_later(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    desk.clock.forward(minutes=1)
    other = Connector(desk.parts.settings, desk.clock)
    other.breaker.lease_probe(desk.stored(_OWN), desk.clock())
    desk.tick()
    desk.receiver.forget()
    desk.tick(seconds=30)
    assert len(desk.came("settings")) == 1


def test_a_circuit_that_another_process_closed_holds_nothing_up(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    desk.clock.forward(minutes=1)
    other = Connector(desk.parts.settings, desk.clock)
    endpoint = desk.stored(_OWN)
    other.breaker.note(endpoint, "msg_a", Answer(204), desk.clock())
    desk.answer("settings")
    desk.tick()
    assert "done" in desk.states(account, _OWN)


def test_two_runs_that_meet_an_open_circuit_send_one_event(
    desk: Desk, account: Account, start_app: StartApp
) -> None:
    opened(desk, account)
    desk.clock.forward(minutes=1)
    desk.receiver.forget()
    desk.answer("settings", {"status": 503, "seconds": 0.2})
    second = desk.account(f"{account.id[:-1]}{'b' if account.id[-1] != 'b' else 'c'}")
    desk.owe(second, 3)
    owed = {one.id: desk.parts.outbox.due(one.id, desk.clock.text) for one in (account, second)}
    runs = [
        threading.Thread(target=desk.deliver, args=(one, owed[one.id])) for one in (account, second)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert len(desk.came("settings")) == 1


def test_the_row_is_written_on_change_only(
    start_app: StartApp, services: Services, lossy: TableProxy, account_id: str
) -> None:
    desk = Desk(start_app, services, STORAGE=lossy.connection_string)
    account = desk.account(account_id)

    def writes() -> int:
        count = sum("/endpoints" in one and one[:3] != "GET" for one in lossy.requests)
        lossy.requests.clear()
        return count

    desk.owe(account, 20)
    desk.tick()
    assert writes() == 0
    desk.answer("settings", _DOWN)
    desk.owe(account, 20)
    desk.tick()
    assert writes() == 2  # it fails; it is open
    desk.tick(seconds=30)
    assert writes() == 0
    desk.tick(seconds=30)
    assert writes() == 2  # the lease; the probe failed
    desk.answer("settings")
    desk.tick(minutes=2)
    assert writes() == 2  # the lease; it works
    assert desk.app.account(account.id).owed == 0


def test_f37_behind_an_open_circuit_an_event_dies_at_75_hours_and_35_minutes(
    desk: Desk, account: Account
) -> None:
    opened(desk, account)
    desk.tick(hours=75, minutes=34)
    assert desk.states(account, _OWN) == ["owed"] * 8
    desk.tick(minutes=2)
    assert desk.states(account, _OWN) == ["dead"] * 8
    assert [one[1] for one in desk.deliveries(account, _OWN)] == [1] * 5 + [0] * 3
    now = desk.app.account(account.id)
    assert (now.owed, now.dead) == (0, 8)


def test_f39_one_event_that_is_always_refused_dies_alone(desk: Desk, account: Account) -> None:
    desk.answer("settings", {"status": 400, "times": 1})
    desk.owe(account, 3)
    desk.tick()
    assert desk.states(account, _OWN) == ["owed", "done", "done"]
    for number in range(9):
        desk.answer("settings", {"status": 400, "times": 1})
        due = instants.parse(desk.deliveries(account, _OWN)[0][2])
        desk.tick(seconds=(due - desk.clock()).total_seconds())
        desk.answer("settings")
        assert not desk.stored(_OWN).circuit.is_open, number
    desk.owe(account)
    desk.tick()
    assert desk.states(account, _OWN) == ["dead", "done", "done", "done"]
    assert desk.deliveries(account, _OWN)[0][1] == 10


def test_where_the_standing_can_not_be_written_the_attempt_counts_all_the_same(
    start_app: StartApp, services: Services, lossy: TableProxy, account_id: str
) -> None:
    desk = Desk(start_app, services, STORAGE=lossy.connection_string)
    endpoint = desk.parts.endpoints.get(_OWN)
    assert endpoint
    lossy.refuse(4)
    after = desk.parts.breaker.note(endpoint, "msg_a", Answer(500, "refused"), desk.clock())
    assert after == endpoint


def test_an_endpoint_that_was_removed_in_another_process_ends_nobody_elses_round(
    desk: Desk, account: Account
) -> None:
    """This process may remember it for 5 s; what the others took is not sent to them again."""
    second = desk.endpoint("second")
    desk.answer("second", _DOWN)
    desk.owe(account, 8)
    desk.tick()
    assert desk.stored(second).circuit.is_open
    desk.clock.forward(minutes=1)
    owed = [*desk.parts.outbox.due(account.id, desk.clock.text), *desk.owe(account)]
    desk.parts.endpoints.all()
    Connector(desk.parts.settings, desk.clock).endpoints.delete(second)
    desk.receiver.forget()
    desk.deliver(account, owed)
    assert len(desk.came("settings")) == 1
    assert desk.states(account, _OWN)[-1] == "done"


# Given up


def told(desk: Desk, name: str) -> list[str]:
    """The codes of `endpoint.disabled` that came to the endpoint of that name."""
    came = [one["body"] for one in desk.came(name)]
    return [body["data"]["code"] for body in came if body["type"] == "endpoint.disabled"]


def test_f33_410_disables_and_is_announced_once_to_the_others(desk: Desk, account: Account) -> None:
    leaving = desk.endpoint("leaving")
    desk.endpoint("staying")
    desk.answer("leaving", _GONE)
    desk.owe(account, 3)
    desk.tick()
    desk.tick(seconds=1)
    desk.tick(hours=2)
    stored = desk.stored(leaving)
    assert stored.disabled == "endpoint_gone"
    assert told(desk, "staying") == told(desk, "settings") == ["endpoint_gone"]
    assert told(desk, "leaving") == []
    assert desk.deliveries(desk.app.account("system"), leaving) == []
    assert len(desk.came("leaving")) == 1


def test_five_days_of_failure_do_the_same(desk: Desk, account: Account) -> None:
    failing = desk.endpoint("failing", "account.blocked")
    desk.answer("failing", _DOWN)
    for _ in range(7):
        desk.owe(account)
        desk.tick(hours=20)
    desk.tick(seconds=1)
    assert desk.stored(failing).disabled == "endpoint_failing"
    assert told(desk, "settings") == ["endpoint_failing"]
    assert told(desk, "failing") == []


def test_a_kill_between_the_announcement_and_the_row_announces_it_once(
    desk: Desk, account: Account
) -> None:
    leaving = desk.endpoint("leaving")
    endpoint = desk.stored(leaving)
    desk.parts.breaker.note(endpoint, "msg_a", Answer(410, "refused"), desk.clock())
    # As if the row had not been written.
    desk.app.edit("endpoints", "endpoint", leaving, disabled="", disabled_at="")
    desk.app.restart()
    later = desk.clock() + timedelta(seconds=9)
    desk.parts.breaker.note(desk.stored(leaving), "msg_b", Answer(410, "refused"), later)
    desk.tick(minutes=1)
    assert told(desk, "settings") == ["endpoint_gone"]
    assert desk.stored(leaving).disabled == "endpoint_gone"


def test_what_is_disabled_again_is_announced_again(desk: Desk, account: Account) -> None:
    leaving = desk.endpoint("leaving")
    desk.answer("leaving", _GONE)
    for _ in range(2):
        desk.owe(account)
        desk.tick(minutes=1)
        desk.parts.endpoint_admin.change(leaving, {"enabled": True})
        desk.tick(minutes=1)
        desk.tick(minutes=1)
    assert len(told(desk, "settings")) >= 2
    assert len({one["headers"]["webhook-id"] for one in desk.came("settings")}) >= 4


# While it is disabled


def test_while_disabled_it_is_owed_never_dead_and_nothing_is_tried(
    desk: Desk, account: Account
) -> None:
    desk.answer("settings", _GONE)
    desk.owe(account, 3)
    desk.tick()
    desk.tick(seconds=10)
    desk.receiver.forget()
    for _ in range(3):
        desk.tick(days=9)
    assert desk.came("settings") == []
    assert desk.states(account, _OWN) == ["held"] * 3
    now = desk.app.account(account.id)
    assert (now.owed, now.dead) == (3, 0)


def test_enabling_goes_on_with_what_waited(desk: Desk, account: Account) -> None:
    desk.answer("settings", _GONE)
    desk.owe(account, 3)
    desk.tick()
    desk.tick(days=30)
    desk.answer("settings")
    desk.parts.endpoint_admin.change(_OWN, {"enabled": True})
    desk.tick(seconds=1)
    assert desk.states(account, _OWN) == ["done"] * 3


def test_enabling_is_seen_by_a_process_that_still_remembers_the_endpoint_as_disabled(
    desk: Desk, account: Account
) -> None:
    desk.answer("settings", _GONE)
    desk.owe(account)
    desk.tick()
    desk.tick(seconds=10)
    desk.answer("settings")
    operator = Connector(desk.parts.settings, desk.clock)
    assert desk.parts.endpoints.all()[_OWN].disabled
    operator.endpoint_admin.change(_OWN, {"enabled": True})
    assert desk.parts.endpoints.all()[_OWN].disabled
    desk.owe(account)
    desk.tick(seconds=1)
    assert desk.states(account, _OWN) == ["done"] * 2


def test_what_another_disabled_endpoint_holds_is_in_nobodys_way(
    desk: Desk, account: Account
) -> None:
    waiting = desk.endpoint("waiting", "account.blocked")
    desk.parts.endpoint_admin.change(waiting, {"enabled": False})
    desk.parts.endpoint_admin.change(_OWN, {"enabled": False})
    for _ in range(6):
        desk.owe(account, 98)
        desk.tick(seconds=10)
    assert set(desk.states(account, _OWN)) == {"held"} == set(desk.states(account, waiting))
    desk.parts.endpoint_admin.change(_OWN, {"enabled": True})
    for _ in range(3):
        desk.tick(seconds=10)
    assert set(desk.states(account, _OWN)) == {"done"}
    assert set(desk.states(account, waiting)) == {"held"}
    assert len(desk.came("settings")) == 6 * 98


def test_enabling_goes_on_with_the_time_that_was_left(desk: Desk, account: Account) -> None:
    desk.owe(account)
    desk.answer("settings", _DOWN)
    desk.tick()
    desk.clock.forward(hours=70)
    desk.parts.endpoint_admin.change(_OWN, {"enabled": False})
    desk.tick()
    desk.tick(days=30)
    desk.parts.endpoint_admin.change(_OWN, {"enabled": True})
    desk.tick(seconds=1)
    assert desk.states(account, _OWN) == ["owed"]
    desk.tick(hours=6)
    assert desk.states(account, _OWN) == ["dead"]


def test_what_waits_behind_an_open_circuit_ends_at_once_with_its_endpoint(
    desk: Desk, account: Account
) -> None:
    leaving = desk.endpoint("leaving")
    desk.answer("leaving", _DOWN)
    desk.owe(account, 8)
    desk.tick()
    assert desk.stored(leaving).circuit.is_open
    desk.parts.endpoint_admin.delete(leaving)
    desk.tick(seconds=1)
    assert desk.states(account, leaving) == ["done"] * 8
    assert desk.app.account(account.id).owed == 0


def test_i1_an_endpoint_that_this_process_does_not_know_yet_loses_nothing(
    desk: Desk, account: Account
) -> None:
    assert desk.parts.endpoints.all()
    elsewhere = Connector(desk.parts.settings, desk.clock)
    told = {"url": desk.url("new"), "event_types": ["account.blocked"]}
    new = str(elsewhere.endpoint_admin.create(told)["id"])
    assert new not in desk.parts.endpoints.all()
    event = events.status_event(account, "account.blocked", 1, desk.clock.text, code="internal")
    Ledger(elsewhere.outbox, elsewhere.endpoints, account).record([event])
    desk.parts.accounts.attempt_soon(account.id, desk.clock())
    desk.tick()
    assert desk.sent_ids("new") == [event.webhook_id]


def test_what_was_held_and_whose_endpoint_was_removed_ends(desk: Desk, account: Account) -> None:
    leaving = desk.endpoint("leaving")
    desk.answer("leaving", _GONE)
    desk.owe(account, 2)
    desk.tick()
    desk.tick(seconds=10)
    assert desk.states(account, leaving) == ["held"] * 2
    desk.parts.endpoint_admin.delete(leaving)
    desk.tick(hours=2)
    assert desk.states(account, leaving) == ["done"] * 2
    assert desk.app.account(account.id).owed == 0
