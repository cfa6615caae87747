"""How many mailboxes to a batch, and on how many threads: what each choice costs, measured.

A control group holds the process to the share of a core that comes with an instance of that
memory, so that an execution takes as long as it would there.
"""

import math
import statistics
from collections.abc import Sequence
from contextlib import closing

from benchmarks.measures import bills
from benchmarks.measures.checks import Figures
from benchmarks.measures.stage import Stage
from benchmarks.measures.tends import command
from shared.account_rows import Account
from tests.lab.cpu_quota import CpuQuota

CHECKS = 1000
# Mailboxes of a batch, threads. A transaction takes 100 rows, so a batch has no more.
CHOICES = (
    *((10, 10), (25, 25), (50, 50), (100, 100)),
    *((50, 8), (50, 16), (50, 32), (100, 32), (100, 50)),
)


def hindrance() -> str:
    """Why nothing of this can be measured here; '' where it can."""
    try:
        CpuQuota("trial", 1).close()
    except OSError as error:
        return f"control groups cannot be made ({error.strerror})"
    return ""


def measure(
    stage: Stage,
    accounts: Sequence[Account],
    choices: Sequence[tuple[int, int]],
    *,
    rtt_ms: float,
    ticks: int,
    rounds: int,
) -> list[Figures]:
    """GB-seconds of 1,000 checks, by size of instance, mailboxes in a batch, and threads.

    slowest_seconds: the execution that took longest. In a round each choice has its turn.
    """
    runs: dict[tuple[float, int, int], list[Figures]] = {}
    for _ in range(rounds):
        for gb, cores in bills.CORES.items():
            with closing(CpuQuota("batches", cores)) as quota:
                for mailboxes, threads in choices:
                    chosen = ["--batch", f"{mailboxes}", "--threads", f"{threads}"]
                    placed = quota.placed([*command(stage, accounts, ticks), *chosen])
                    ran = stage.app_place(rtt_ms).run(placed)
                    for run in ran:
                        wanted = math.ceil(run["accounts"] / mailboxes)
                        assert len(run["executions"]) == wanted, "batches are not as chosen"
                    runs.setdefault((gb, mailboxes, threads), []).extend(ran[1:])
    found = [
        {"gb": gb, "mailboxes": mailboxes, "threads": threads, "rtt_ms": rtt_ms} | _figures(gb, own)
        for (gb, mailboxes, threads), own in runs.items()
    ]
    for row in found:
        print(_line(row), flush=True)
    return found


def _figures(gb: float, runs: Sequence[Figures]) -> Figures:
    executions = [seconds for run in runs for seconds in run["executions"]]
    return {
        "execution_seconds": statistics.median(executions),
        "slowest_seconds": max(executions),
        "cpu_ms": statistics.median(run["cpu_seconds"] / run["accounts"] for run in runs) * 1000,
        "gb_seconds": statistics.median(_billed_seconds(run) for run in runs) * gb,
    }


def _billed_seconds(run: Figures) -> float:
    """Of 1,000 checks, one execution after the other; the timer's own is counted in."""
    scale = CHECKS / run["accounts"]
    billed = sum(bills.billed_seconds(seconds) for seconds in run["executions"])
    return float(scale * billed + bills.billed_seconds(scale * run["enqueue_seconds"]))


def _line(row: Figures) -> str:
    return (
        f"  {row['gb'] * 1024:.0f} MB,"
        f" {row['mailboxes']:>3} mailboxes on {row['threads']:>3} threads"
        f"{row['execution_seconds']:>8.2f} s (slowest {row['slowest_seconds']:.2f} s)"
        f"{row['gb_seconds']:>8.1f} GB-seconds for {CHECKS:,} checks"
    )
