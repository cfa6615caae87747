"""A thousand mailboxes on one host: how soon each is looked at, and what that costs."""

import random
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared import instants

from .app_host import AppHost
from .cpu_quota import cpu_seconds
from .mails import made_up
from .stepped_app import SteppedApp
from .waiting import wait_until

_MINUTE_SECONDS = 60


@dataclass
class Minutes:
    """cores: processor time by time. late: accounts that were not checked, for each minute.

    waits: seconds from a mail's arrival to its webhook.
    """

    mailboxes: int
    mails: int
    cores: float = 0
    late: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        waits = sorted(self.waits) or [0.0]
        return (
            f"{self.mailboxes} mailboxes, {len(self.late)} minutes: not checked within each minute "
            f"{self.late}; {self.cores:.3f} of a core; {len(self.waits)} of {self.mails} mails "
            f"arrived, after {statistics.median(waits):.1f} s (median), {waits[-1]:.1f} s (last)"
        )


def connect(app: SteppedApp, count: int) -> list[str]:
    """Makes accounts that are due at once; gives their addresses."""
    addresses = [f"crowd{number}@outlook.example" for number in range(count)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(app.settled, addresses))
    return addresses


def watch(
    app: SteppedApp,
    host: AppHost,
    addresses: list[str],
    minutes: int,
    mails_a_minute: int,
    chance: random.Random,
) -> Minutes:
    """Drops mail at random moments into random mailboxes and looks on for so many minutes."""
    found = Minutes(len(addresses), minutes * mails_a_minute)
    receiver = app.services.receiver
    receiver.forget()
    first = wait_until(lambda: _tick(app), 2 * _MINUTE_SECONDS, "a tick of the timer")
    wait_until(lambda: _tick(app) > first, 2 * _MINUTE_SECONDS, "another tick of the timer")
    begin, used = time.time(), cpu_seconds(host.pid)
    moments = sorted(chance.uniform(0, minutes * _MINUTE_SECONDS) for _ in range(found.mails))
    put: dict[str, float] = {}
    for minute in range(minutes):
        end = begin + (minute + 1) * _MINUTE_SECONDS
        while moments and begin + moments[0] < end:
            time.sleep(max(begin + moments.pop(0) - time.time(), 0))
            address, subject = chance.choice(addresses), f"Mail {len(put)}"
            app.services.dovecot.deliver(address, made_up(address, subject))
            put[subject] = time.time()
        time.sleep(max(end - time.time(), 0))
        since = instants.text(datetime.fromtimestamp(end - _MINUTE_SECONDS, UTC))
        rows = app.rows("accounts")
        found.late.append(sum(row["last_success_at"] < since for row in rows))
    found.cores = (cpu_seconds(host.pid) - used) / (time.time() - begin)
    wait_until(lambda: len(_waits(app, put)) == found.mails, 2 * _MINUTE_SECONDS, "the last mails")
    found.waits = _waits(app, put)
    return found


def _tick(app: SteppedApp) -> str:
    beat = app.parts.once.heartbeat()
    return str(beat["at"]) if beat else ""


def _waits(app: SteppedApp, put: Mapping[str, float]) -> list[float]:
    came: dict[str, float] = {}
    for one in app.webhooks(""):
        at = datetime.fromisoformat(one["received_at"]).timestamp()
        came.setdefault(one["body"]["data"]["subject"], at)
    return [came[subject] - at for subject, at in put.items() if subject in came]
