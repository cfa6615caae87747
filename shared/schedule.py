"""When an account is due, and when a delivery is tried again. Pure."""

import random
from datetime import datetime, timedelta

from shared import ids, instants

CHECK_EARLY_SECONDS = 30
OUTBOX_SECONDS = 3600
SLOW_RETRY_SECONDS = 3600
_SLOWEST_RETRY_SECONDS = 6 * 3600
RETRY_SECONDS = 300
KEEP_ALIVE_SECONDS = 7 * 86_400  # a refresh token that nobody uses ends after 90 days
_MAX_BACK_OFF_SECONDS = 1800

# Seconds between one attempt and the next; the first follows at once.
_MINUTE, _HOUR = 60, 3600
ATTEMPT_DELAYS_SECONDS = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
LIFE_SECONDS = sum(ATTEMPT_DELAYS_SECONDS)  # 75 h 35 min after the first attempt
MAX_RETRY_AFTER_SECONDS = 24 * _HOUR


def next_due_at(
    next_check_at: str, not_before: str, next_refresh_at: str, next_attempt_at: str
) -> str:
    """The earliest of what an account waits for; a check counts 30 s early, nothing else does."""
    check = next_check_at
    if check != instants.NEVER:
        check = max(instants.after(instants.parse(check), -CHECK_EARLY_SECONDS), not_before)
    return min(check, next_refresh_at, next_attempt_at)


def check_is_due(next_check_at: str, not_before: str, tick: datetime) -> bool:
    """Whether the run that was enqueued at `tick` looks for new mail."""
    early = instants.after(tick, CHECK_EARLY_SECONDS)
    return next_check_at <= early and not_before <= instants.due_text(tick)


def back_off_seconds(failures: int, interval_seconds: int) -> float:
    """The wait after so many failures in a row: doubled each time, at most half an hour.

    Up to a tenth less, at random: what failed together does not come back together.
    """
    doubled = min(interval_seconds << min(failures, 10), _MAX_BACK_OFF_SECONDS)
    return max(interval_seconds, doubled * (1 - random.random() / 10))  # noqa: S311


def blocked_seconds(since: str, now: datetime, interval_seconds: int) -> float:
    """The wait of a blocked account: as long as it has been blocked, from an hour to six."""
    stood = (now - instants.parse(since)).total_seconds() if since else 0
    wait = min(max(stood, SLOW_RETRY_SECONDS), _SLOWEST_RETRY_SECONDS)
    return max(wait, interval_seconds)


def retry_at(tick: datetime) -> str:
    """When something is tried again that failed for a passing reason, or for our own fault."""
    return instants.after(tick, RETRY_SECONDS)


def outbox_turn(account: str, tick: datetime) -> str:
    """The account's own second within the next hour at which its outbox is read whole."""
    offset = ids.spread_seconds(account, OUTBOX_SECONDS)
    start = tick.replace(minute=0, second=0, microsecond=0) + timedelta(seconds=offset)
    return instants.text(start if start > tick else start + timedelta(seconds=OUTBOX_SECONDS))


def next_attempt_at(
    attempts: int, now: datetime, retry_after_seconds: float | None = None
) -> str | None:
    """When the next of an endpoint's attempts is due, or None when the last one was made.

    attempts: how many were made. Retry-After lengthens the wait up to a day. Up to a tenth less,
    at random, keeps what failed together from coming back together and the whole within its life.
    """
    if attempts > len(ATTEMPT_DELAYS_SECONDS):
        return None
    delay = float(ATTEMPT_DELAYS_SECONDS[attempts - 1])
    delay *= 1 - random.random() / 10  # noqa: S311 - spreads load, guards nothing
    if retry_after_seconds is not None:
        delay = max(delay, min(retry_after_seconds, MAX_RETRY_AFTER_SECONDS))
    return instants.after(now, delay)
