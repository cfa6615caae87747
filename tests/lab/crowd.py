"""A thousand mailboxes on one host: how soon each is looked at, what that takes and what it asks.

It takes root, /dev/net/tun and control groups: see `far_link` and `cpu_quota`.
"""

import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from shared import instants

from .app_host import TIMER, AppHost
from .azurite import next_account
from .cpu_quota import CpuQuota, cpu_seconds
from .executions import Executions
from .far_link import FarLink
from .http_proxy import TableProxy
from .mails import made_up
from .stepped_app import SteppedApp
from .waiting import wait_until

_MINUTE_SECONDS = 60
ROUND_TRIP_MS = 40


@dataclass(frozen=True)
class Plan:
    """share: of a core, for the host; minutes: how long it is watched; seed: when mail comes."""

    share: float
    minutes: int
    mails_a_minute: int
    seed: int


@dataclass
class Minutes:
    """cores: processor time by time. late: accounts that were not checked, for each minute.

    waits: seconds from a mail's arrival to its webhook. load: of the machine, at the end.
    cores, table_requests and executions are of the last `seconds`, which leave the first minute
    out: in it, mail comes and none was there to be delivered.
    """

    mailboxes: int
    mails: int
    cores: float = 0
    late: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    table_requests: int = 0
    executions: Executions = field(default_factory=Executions)
    load: float = 0
    seconds: float = 0

    def __str__(self) -> str:
        waits = sorted(self.waits) or [0.0]
        return (
            f"{self.mailboxes} mailboxes, {len(self.late)} minutes: not checked within each minute "
            f"{self.late}; {self.cores:.3f} of a core; {len(self.waits)} of {self.mails} mails "
            f"arrived, after {statistics.median(waits):.1f} s (median), {waits[-1]:.1f} s (last); "
            f"a minute: {self.executions.a_minute(self.seconds):.1f} executions, "
            f"{self.table_requests * _MINUTE_SECONDS / self.seconds:.0f} requests to the tables; "
            f"load {self.load:.1f}"
        )


def connect(app: SteppedApp, count: int) -> list[str]:
    """Makes accounts that are due at once; gives their addresses."""
    addresses = [f"crowd{number}@outlook.example" for number in range(count)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(app.settled, addresses))
    return addresses


def run(app: SteppedApp, addresses: Sequence[str], folder: Path, plan: Plan) -> Minutes:
    """Starts a host for the app, on its share of a core and away from the mail server."""
    with (
        closing(TableProxy.before(app.storage)) as proxy,
        _host(app, folder, plan.share, {"STORAGE": proxy.connection_string}) as host,
    ):
        return _watch(app, host, proxy, addresses, plan)


def idle_cores(app: SteppedApp, folder: Path, seconds: float) -> float:
    """What a host without a mailbox takes of a core: the lab's own parts, and the timer."""
    storage = app.services.azurite.connection_string(next_account())
    nowhere = {"STORAGE": storage, "AzureWebJobsStorage": storage}
    with _host(app, folder, 1, nowhere) as host:
        log = host.log
        wait_until(lambda: f"{TIMER} timer ok" in log(), 2 * _MINUTE_SECONDS, "a tick")
        begin, used = time.time(), cpu_seconds(host.pid)
        time.sleep(seconds)
        return (cpu_seconds(host.pid) - used) / (time.time() - begin)


@contextmanager
def _host(
    app: SteppedApp, folder: Path, share: float, settings: Mapping[str, str]
) -> Iterator[AppHost]:
    services = app.services
    with closing(FarLink(services.dovecot.port, ROUND_TRIP_MS)) as link:
        host = AppHost(
            services,
            folder,
            beat_seconds=_MINUTE_SECONDS,
            settings={**app.environment, **settings},
            placed=link.placed,
        )
        with closing(CpuQuota("crowd", share)) as quota:
            try:
                host.start()
                quota.add(host.pid)
                yield host
            finally:
                host.kill()


@dataclass(frozen=True)
class _Counters:
    at: float
    cpu_seconds: float
    requests: int
    log: str

    @classmethod
    def now(cls, host: AppHost, proxy: TableProxy) -> Self:
        return cls(time.time(), cpu_seconds(host.pid), len(proxy.requests), host.log())


def _watch(
    app: SteppedApp,
    host: AppHost,
    proxy: TableProxy,
    addresses: Sequence[str],
    plan: Plan,
) -> Minutes:
    """Drops mail at random moments into random mailboxes and looks on for so many minutes."""
    found = Minutes(len(addresses), plan.minutes * plan.mails_a_minute)
    chance = random.Random(plan.seed)
    app.services.receiver.forget()
    first = wait_until(lambda: _tick(app), 2 * _MINUTE_SECONDS, "a tick of the timer")
    wait_until(lambda: _tick(app) > first, 2 * _MINUTE_SECONDS, "another tick of the timer")
    begin = time.time()
    before = _Counters.now(host, proxy)
    moments = sorted(chance.uniform(0, plan.minutes * _MINUTE_SECONDS) for _ in range(found.mails))
    put: dict[str, float] = {}
    for minute in range(plan.minutes):
        if minute == 1:  # from here on mail is delivered as it comes
            before = _Counters.now(host, proxy)
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
    after = _Counters.now(host, proxy)
    found.seconds = after.at - before.at
    found.cores = (after.cpu_seconds - before.cpu_seconds) / found.seconds
    found.table_requests = after.requests - before.requests
    found.executions = Executions.read(after.log.removeprefix(before.log))
    found.load = os.getloadavg()[0]
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
