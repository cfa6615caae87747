"""What the model needs besides docs/performance.json, and the run that it is held against.

A tick's idle checks are the benchmark's. Here is what comes on top of them now and then: a token
that is renewed, an outbox that is read, a mail that is delivered.
"""

import secrets
import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.clients.job import Job
from benchmarks.measures import batches, machine
from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import CLIENTS, OURS, python
from benchmarks.measures.stage import Stage, stage
from shared import instants
from shared.account_rows import Account
from tests.lab import crowd
from tests.lab.app_host import TIMER
from tests.lab.executions import TEND
from tests.lab.http_proxy import TableProxy
from tests.lab.tcp_relay import TcpRelay

PARTS = ("batch", "crowd")
SHARES = (1.0, 0.25)
_IDLE_EVENTS = ("tick", "batch_enqueued", "batch_tended")
_CHECKS = 3
_TICKS = 4

# Makes accounts do something at a tick that they would not do otherwise.
type Prepare = Callable[[Stage, Sequence[Account], datetime], None]


@dataclass(frozen=True)
class Size:
    """How much is measured. accounts: of a batch, of which `busy` have extra work.

    They are few, as they are in ordinary ticks: a hundred threads that all work cost more each.
    rounds: of which the median counts.
    """

    mailboxes: int = 1000
    minutes: int = 5
    mails_a_minute: int = 20
    accounts: int = 100
    busy: int = 25
    rounds: int = 5


def measure(size: Size, parts: Sequence[str] = PARTS) -> Figures:
    """Figures of docs/scale.json: all of them, or of some parts.

    Raises LabError where the lab's services do not start.
    """
    found: Figures = {}
    if "batch" in parts:
        with stage() as standing:
            found |= _one_batch(standing, size)
    if "crowd" in parts:
        found |= {"at": instants.text(instants.now()), "machine": machine.description()}
        found["note"] = ""
        with stage() as standing, TemporaryDirectory(prefix="unseen-crowd-") as folder:
            print(f"Connecting {size.mailboxes} mailboxes ...", flush=True)
            addresses = crowd.connect(standing.app, size.mailboxes)
            found["host_cores"] = crowd.idle_cores(standing.app, Path(folder), 60)
            print(f"  the lab's host by itself: {found['host_cores']:.4f} of a core", flush=True)
            found["crowd"] = [
                _crowd(standing, addresses, Path(folder), size, share) for share in SHARES
            ]
    return found


def _check_bytes(standing: Stage) -> Figures:
    """What an idle check sends and receives, TLS included, once a session can be resumed."""
    with closing(TcpRelay(standing.port)) as relay:
        job = Job("check", relay.port, standing.mailboxes(1))
        standing.place(0, relay.port).result(CLIENTS[OURS].command, job)
        one = relay.connections[_CHECKS]
    return {"sent": one.sent_bytes, "received": one.received_bytes}


def _one_batch(standing: Stage, size: Size) -> Figures:
    """What the benchmark measures too, so that a crowd is beside a batch on the same machine."""
    accounts = standing.due_accounts(size.accounts)
    found = {
        "check_bytes": _check_bytes(standing),
        "batches": batches.measure(
            standing,
            accounts,
            [choice for choice in batches.CHOICES if choice[0] == choice[1]],
            rtt_ms=crowd.ROUND_TRIP_MS,
            ticks=_TICKS,
            rounds=1,
        ),
    }
    # Only now: who is due besides would be in the ticks before, too.
    first = standing.due_accounts(size.busy)
    return found | {"extra": _extra(standing, first, accounts, size)}


def _extra(
    standing: Stage, first: Sequence[Account], later: Sequence[Account], size: Size
) -> Figures:
    """CPU and table requests of each kind of work, beside the same ticks without it."""
    busy = later[: size.busy]
    found: Figures = {}
    for name, prepare in _EXTRA.items():
        cpu_ms, requests = [], []
        for _ in range(size.rounds):
            more = _ticks(standing, (first, later), busy, prepare)
            less = _ticks(standing, (first, later), busy, _nothing)
            cpu_ms.append((more["cpu_ms"] - less["cpu_ms"]) / len(busy))
            asked = more["table_requests"] - less["table_requests"]
            requests.append(asked / len([*first, *busy]))
        found[name] = {
            "cpu_ms": statistics.median(cpu_ms),
            "table_requests": statistics.median(requests),
        }
        print(f"  {name}: {found[name]}", flush=True)
    return found


def _ticks(
    standing: Stage,
    accounts: tuple[Sequence[Account], Sequence[Account]],
    busy: Sequence[Account],
    prepare: Prepare,
) -> Figures:
    """Two ticks, each with accounts of its own; all of the first and `busy` have extra work.

    CPU is the second's: the first warms the process up. Table requests are those of both.
    """
    first, later = accounts
    tick = standing.make_due([*first, *later])
    second = tick + timedelta(minutes=1)
    for account in later:
        due = instants.text(second)
        _edit(standing, account, next_check_at=due, next_due_at=due)
    prepare(standing, first, tick)
    prepare(standing, busy, second)
    command = [*python("unseen_tend"), "--first", tick.isoformat(), "--ticks", "2"]
    with closing(TableProxy.before(standing.app.storage)) as proxy:
        place = standing.app_place(crowd.ROUND_TRIP_MS)
        ran = place.run(command, STORAGE=proxy.connection_string)
        return {"cpu_ms": ran[1]["cpu_seconds"] * 1000, "table_requests": len(proxy.requests)}


def _nothing(standing: Stage, accounts: Sequence[Account], tick: datetime) -> None:
    """An idle tick."""


def _expired(standing: Stage, accounts: Sequence[Account], tick: datetime) -> None:
    soon = instants.text(instants.now() + timedelta(minutes=10))
    for account in accounts:
        standing.app.edit("tokens", account.shard, account.id, expires_at=soon)
        _edit(standing, account, next_refresh_at=instants.text(tick))


def _to_be_read(standing: Stage, accounts: Sequence[Account], tick: datetime) -> None:
    for account in accounts:
        _edit(standing, account, next_attempt_at=instants.text(tick))


def _with_mail(standing: Stage, accounts: Sequence[Account], tick: datetime) -> None:
    for account in accounts:
        standing.app.put(account.address)


_EXTRA: dict[str, Prepare] = {"renewal": _expired, "reading": _to_be_read, "mail": _with_mail}


def _edit(standing: Stage, account: Account, **columns: str) -> None:
    standing.app.edit("accounts", account.shard, account.id, **columns)


def _crowd(
    standing: Stage, addresses: Sequence[str], folder: Path, size: Size, share: float
) -> Figures:
    seed = secrets.randbelow(1_000_000)
    plan = crowd.Plan(share, size.minutes, size.mails_a_minute, seed)
    found = crowd.run(standing.app, addresses, folder, plan)
    print(f"  {share} of a core: {found}", flush=True)
    runs = found.executions.seconds
    written = found.executions.bytes
    idle_bytes = sum(written.get(event, 0) for event in _IDLE_EVENTS)
    a_minute = 60 / found.seconds
    return {
        "cores": share,
        "mailboxes": found.mailboxes,
        "minutes": size.minutes,
        "mails_a_minute": size.mails_a_minute,
        "used_cores": found.cores,
        "late": found.late,
        "wait_median": statistics.median(found.waits),
        "wait_last": max(found.waits),
        "executions": found.executions.count * a_minute,
        "table_requests": found.table_requests * a_minute,
        "tend_seconds": statistics.median(runs[TEND]),
        "tend_seconds_last": max(runs[TEND]),
        "enqueue_seconds": statistics.median(runs[TIMER]),
        "idle_log_bytes": idle_bytes * a_minute,
        "mail_log_bytes": (sum(written.values()) - idle_bytes) * a_minute,
        "load": found.load,
    }
