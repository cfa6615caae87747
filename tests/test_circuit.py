"""A circuit: when it opens, when it is probed, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import instants
from shared.circuit import Circuit, Failures

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def opened(failures: list[str]) -> list[bool]:
    """Whether each failure, of the event with that id, is one too many."""
    seen = Failures()
    return [seen.add(webhook_id) for webhook_id in failures]


def test_f31_the_fifth_failure_of_three_events_is_too_many() -> None:
    assert opened(["a", "b", "c", "a", "b", "c"]) == [False] * 4 + [True] * 2


@pytest.mark.parametrize("events", [["a"], ["a", "b"]])
def test_f39_failures_of_fewer_events_are_never_too_many(events: list[str]) -> None:
    assert not any(opened(events * 20))


def test_the_third_event_may_come_late() -> None:
    assert opened(["a"] * 9 + ["b", "c"])[-2:] == [False, True]


def test_a_success_between_begins_the_count_anew() -> None:
    seen = Failures()
    for webhook_id in "abca":
        assert not seen.add(webhook_id)
    seen.clear()
    assert [seen.add(webhook_id) for webhook_id in "abcab"] == [False] * 4 + [True]


def test_a_first_failure_is_noted_and_opens_nothing() -> None:
    circuit = Circuit().failed(_NOW, opens=False)
    assert circuit == Circuit(failing_since=instants.text(_NOW))
    assert not circuit.is_open


def test_further_failures_of_a_closed_circuit_change_nothing() -> None:
    circuit = Circuit().failed(_NOW, opens=False)
    assert circuit.failed(_NOW + timedelta(hours=1), opens=False) == circuit


def test_probes_come_after_1_2_4_and_up_to_30_minutes() -> None:
    circuit, now, waits = Circuit(), _NOW, []
    for _ in range(8):
        circuit = circuit.failed(now, opens=True)
        probe_at = instants.parse(circuit.probe_at)
        waits.append((probe_at - now).total_seconds() / 60)
        now = probe_at
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert circuit.failing_since == instants.text(_NOW)


def test_an_open_circuit_stays_open_with_any_failure() -> None:
    circuit = Circuit().failed(_NOW, opens=True).failed(_NOW, opens=False)
    assert (circuit.is_open, circuit.probes) == (True, 2)


@pytest.mark.parametrize(("seconds", "given_up"), [(-1, False), (0, True), (1, True)])
def test_it_is_given_up_after_five_days(seconds: int, given_up: bool) -> None:
    later = _NOW + timedelta(days=5, seconds=seconds)
    assert Circuit(instants.text(_NOW)).is_given_up(later) is given_up


def test_what_works_is_never_given_up() -> None:
    assert not Circuit().is_given_up(_NOW)
