"""How much an account may send, on a clock of the test's."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from shared import instants
from shared.errors import Rejected, wait_seconds
from shared.send_limits import SendLimits

_NOW = instants.parse("2027-01-31T12:00:00Z")


@pytest.fixture
def limits() -> SendLimits:
    return SendLimits()


def wait(limits: SendLimits, account: str, seconds: float) -> int | None:
    """What a refusal at that time says to wait; None where there is none."""
    try:
        with limits.admitted(account, _NOW + timedelta(seconds=seconds)):
            return None
    except Rejected as error:
        assert (error.code, error.status) == ("sending_limit", 429)
        return wait_seconds(error)


def test_thirty_a_minute_and_the_next_when_the_first_is_a_minute_old(limits: SendLimits) -> None:
    assert [wait(limits, "a", second) for second in range(30)] == [None] * 30
    assert wait(limits, "a", 30) == 30
    assert wait(limits, "a", 59.5) == 1
    assert wait(limits, "a", 60) is None
    assert wait(limits, "a", 60) == 1


def test_three_at_once_and_the_next_when_one_has_ended(limits: SendLimits) -> None:
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(limits.admitted("a", _NOW))
        with limits.admitted("a", _NOW):
            assert wait(limits, "a", 1) == 2
        assert wait(limits, "a", 1) is None


def test_one_that_fails_has_ended_too(limits: SendLimits) -> None:
    for _ in range(5):
        with pytest.raises(OSError), limits.admitted("a", _NOW):
            raise OSError


def test_accounts_don_t_count_for_each_other(limits: SendLimits) -> None:
    for _ in range(30):
        wait(limits, "a", 0)
    assert wait(limits, "b", 0) is None


def test_what_is_remembered_is_bounded_and_what_counts_is_kept() -> None:
    limits = SendLimits(remembered=10)
    for number in range(100):
        wait(limits, str(number), number)
    for _ in range(30):
        wait(limits, "a", 100)
    for number in range(100):
        wait(limits, f"later{number}", 101)
        assert wait(limits, "a", 101) == 59
