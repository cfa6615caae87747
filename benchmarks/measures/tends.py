"""The whole tend: idle accounts found, claimed, looked at and given back, against real tables."""

import statistics
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import python
from benchmarks.measures.stage import Stage
from shared.account_rows import Account
from tests.lab.http_proxy import TableProxy


def measure(
    stage: Stage,
    accounts: Sequence[Account],
    *,
    rtts_ms: Sequence[float],
    ticks: int,
    rounds: int,
) -> list[Figures]:
    """For each distance: all in a batch, and each by itself, in a process that is warm."""
    found = []
    for rtt_ms in rtts_ms:
        batches: list[dict[str, Any]] = []
        singles: list[dict[str, Any]] = []
        for _ in range(rounds):
            ticked = command(stage, accounts, ticks)
            ran = stage.app_place(rtt_ms).run([*ticked, "--one", *(one.id for one in accounts)])
            batches += ran[1:ticks]
            singles += ran[ticks:]
        for name, runs in (("batch", batches), ("one by one", singles)):
            found.append({"rtt_ms": rtt_ms, "how": name} | _figures(runs))
            print(_line(found[-1]), flush=True)
    return found


def table_requests(stage: Stage, accounts: Sequence[Account], ticks: int) -> Figures:
    """What a tick asks of the tables, counted by a proxy before them: a process's first, and later.

    hourly: what each account's reading of its outbox once an hour asks besides. Each tenth
    minute's tick asks once more: it removes what has expired.
    """

    def counted(count: int) -> tuple[int, int]:
        with closing(TableProxy.before(stage.app.storage)) as proxy:
            ticked = command(stage, accounts, count)
            stage.app_place(0).run(ticked, STORAGE=proxy.connection_string)
            hourly = sum("/mailboxes" in request for request in proxy.requests)
            return len(proxy.requests) - hourly, hourly

    cold, _ = counted(1)
    all_of_them, hourly = counted(ticks)
    found = {"cold": cold, "warm": (all_of_them - cold) / (ticks - 1), "hourly": hourly / ticks}
    print(
        f"  table requests a batch: {cold} in a new process, {found['warm']:.1f} later;"
        f" {found['hourly']:.1f} a tick for outboxes read",
        flush=True,
    )
    return found


def command(stage: Stage, accounts: Sequence[Account], ticks: int) -> list[str]:
    """Of so many ticks, the first of which finds all accounts due."""
    first = stage.make_due(accounts).isoformat()
    return [*python("unseen_tend"), "--first", first, "--ticks", str(ticks)]


def _figures(runs: Sequence[dict[str, Any]]) -> Figures:
    """Medians; CPU by mailbox, the rest by execution."""
    return {
        "accounts": sum(run["accounts"] for run in runs) / len(runs),
        "cpu_ms": statistics.median(run["cpu_seconds"] / run["accounts"] for run in runs) * 1000,
        "cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs),
        "enqueue_seconds": statistics.median(run["enqueue_seconds"] for run in runs),
        "tend_seconds": statistics.median(run["tend_seconds"] for run in runs),
    }


def _line(row: Figures) -> str:
    return (
        f"  whole tend, {row['how']:<12}{row['rtt_ms']:>4.0f} ms away"
        f"{row['accounts']:>6.0f} mailboxes{row['cpu_ms']:>8.2f} ms CPU each"
        f"{row['tend_seconds']:>8.2f} s"
    )
