"""What a delivery is before and after an attempt: owed, held or dead, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import attempt, instants
from shared.circuit import Circuit
from shared.endpoints import Endpoint
from shared.outbox_rows import Delivery, Event
from shared.webhooks import Answer

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_LIFE = timedelta(hours=75, minutes=35, seconds=5)


def at(**later: float) -> str:
    return instants.text(_NOW + timedelta(**later))


_EVENT = Event("msg_a_b", "mail.received", at(), {}, {})
_OWED = Delivery("owed", 3, at(), 500)


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint("ep_aaaaaaaa", "https://app.example.com", (), **fields)


def behind(probe_at: str, **fields: Any) -> Endpoint:
    """An endpoint with an open circuit."""
    return endpoint(circuit=Circuit(at(), 1, probe_at), **fields)


def waiting(delivery: Delivery, of: Endpoint, now: datetime = _NOW) -> tuple[Delivery, bool]:
    return attempt.waiting(_EVENT, delivery, of, now)


# Age


@pytest.mark.parametrize("of", [endpoint(), behind(at(days=9))], ids=["closed", "open"])
def test_f37_an_event_dies_at_75_hours_and_35_minutes_also_behind_an_open_circuit(
    of: Endpoint,
) -> None:
    second = timedelta(seconds=1)
    assert waiting(_OWED, of, _NOW + _LIFE - second)[0].state == "owed"
    dead, may_try = waiting(_OWED, of, _NOW + _LIFE)
    assert (dead.state, dead.attempts, dead.next, may_try) == ("dead", 3, instants.NEVER, False)


def test_a_delivery_that_began_anew_has_its_life_from_then() -> None:
    replayed = Delivery(next=at(days=9), since=at(days=9))
    assert waiting(replayed, endpoint(), _NOW + timedelta(days=9) + _LIFE / 2)[1]


def test_the_last_attempt_is_not_put_off_beyond_its_life() -> None:
    answer = Answer(429, "refused", retry_after_seconds=24 * 3600)
    late = _NOW + _LIFE - timedelta(hours=1)
    assert attempt.after(_EVENT, _OWED, answer, late).next == instants.text(_NOW + _LIFE)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [(0, 1620 * 4, 7200), (None, 1620 * 4, 7200), (9000, 9000, 9000), (10**8, 86400, 86400)],
)
def test_f33_retry_after_lengthens_the_wait_within_bounds(
    asked: float | None, least: int, most: int
) -> None:
    found = attempt.after(_EVENT, _OWED, Answer(429, "refused", asked), _NOW)
    wait = (instants.parse(found.next) - _NOW).total_seconds()
    assert least <= wait <= most


# Behind an open circuit


def test_what_waits_for_a_probe_uses_no_attempt_up() -> None:
    found, may_try = waiting(_OWED, behind(at(minutes=4)))
    assert (found.state, found.attempts, found.next) == ("owed", 3, at(minutes=4))
    assert not may_try


def test_a_probe_that_is_due_may_be_made() -> None:
    assert waiting(_OWED, behind(at())) == (_OWED, True)


def test_a_failed_probe_uses_no_attempt_up_and_keeps_what_was_answered() -> None:
    found = attempt.after_probe(_OWED, behind(at(minutes=8)), Answer(502, "refused"))
    assert found == Delivery("owed", 3, at(minutes=8), 502)


def test_what_is_behind_anothers_probe_waits_for_its_end() -> None:
    leased = behind(at(), leased_until=at(seconds=30))
    assert attempt.behind_a_probe(_OWED, leased).next == at(seconds=30)
    assert attempt.behind_a_probe(_OWED, behind(at(minutes=2))).next == at(minutes=2)
    assert attempt.behind_a_probe(_OWED, endpoint()) == _OWED


# While the endpoint is disabled


def test_while_disabled_nothing_is_tried_and_nothing_dies() -> None:
    off = endpoint(disabled="endpoint_gone", disabled_at=at(hours=1))
    held, may_try = waiting(_OWED, off, _NOW + timedelta(days=99))
    assert (held.state, held.attempts, held.next, may_try) == ("held", 3, instants.NEVER, False)
    assert waiting(held, off, _NOW + timedelta(days=199)) == (held, False)
    anew = endpoint(disabled="endpoint_gone", disabled_at=at(days=99))
    assert waiting(held, anew, _NOW + timedelta(days=199)) == (held, False)


def test_enabling_goes_on_with_the_time_that_was_left() -> None:
    off = endpoint(disabled="endpoint_gone", disabled_at=at(hours=70))
    held, _ = waiting(_OWED, off, _NOW + timedelta(hours=71))
    on = endpoint(enabled_at=at(days=30))
    left = _LIFE - timedelta(hours=70)
    freed, may_try = waiting(held, on, _NOW + timedelta(days=30) + left - timedelta(seconds=1))
    assert (freed.state, freed.held, may_try) == ("owed", "", True)
    assert waiting(held, on, _NOW + timedelta(days=30) + left)[0].state == "dead"


def test_what_came_while_it_was_disabled_has_its_whole_life_left() -> None:
    off = endpoint(disabled="endpoint_gone", disabled_at=at(days=-9))
    held, _ = waiting(Delivery(next=at()), off)
    freed, _ = waiting(held, endpoint(enabled_at=at(days=9)), _NOW + timedelta(days=9))
    assert freed.since == at(days=9)


def test_its_time_stands_still_as_often_as_it_is_disabled() -> None:
    delivery, enabled = _OWED, at()
    for day in (1, 3):
        off = endpoint(disabled="endpoint_paused", disabled_at=at(days=day), enabled_at=enabled)
        delivery, _ = waiting(delivery, off, _NOW + timedelta(days=day))
        enabled = at(days=day + 1)
        delivery, _ = waiting(
            delivery, endpoint(enabled_at=enabled), _NOW + timedelta(days=day + 1)
        )
    assert delivery.since == at(days=2)
