"""What a thousand mailboxes cost a month, looked at each minute: executions and GB-seconds.

Flex Consumption bills the time that an instance executes, times its memory: at least a second for
each execution, then in tenths of one; executions that run at once on one instance are billed once.
https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#billing
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measures.checks import Figures
from shared.claims import BATCH

MAILBOXES = 1000
_MINUTES = 30 * 24 * 60
LEAST_SECONDS = 1
# GB of an instance, and how much of a core comes with it.
CORES = {0.5: 0.25, 2.0: 1.0}
_USUAL_AT_ONCE = 16


@dataclass(frozen=True)
class Way:
    """at_once: executions that run at once on an instance."""

    name: str
    measured: str
    mailboxes: int
    at_once: int = 1


WAYS = (
    Way(f"batches of {BATCH}", "batch", BATCH),
    Way("one by one", "one by one", 1),
    Way(f"one by one, {_USUAL_AT_ONCE} at once", "one by one", 1, _USUAL_AT_ONCE),
)


def billed_seconds(seconds: float) -> float:
    """What an execution that lasts so long is billed for."""
    tenths = math.ceil(round(seconds * 10, 6))  # 1.1 * 10 is a little more than 11
    return max(LEAST_SECONDS, tenths / 10)


def bills(tends: Sequence[Figures]) -> list[Figures]:
    """For each way and size of instance, from executions as they were measured farthest away.

    An execution lasts as it was measured, or as long as its CPU takes on the instance's share of
    a core. The timer's own execution each minute is counted in.
    """
    rtt_ms = max(row["rtt_ms"] for row in tends)
    measured = {row["how"]: row for row in tends if row["rtt_ms"] == rtt_ms}
    return [
        {"way": way.name, "gb": gb, "rtt_ms": rtt_ms} | _bill(way, gb, measured)
        for way in WAYS
        for gb in CORES
    ]


def _bill(way: Way, gb: float, measured: dict[str, Figures]) -> Figures:
    run = measured[way.measured]
    executions = MAILBOXES / way.mailboxes
    cpu_seconds = run["cpu_seconds"] * way.at_once / CORES[gb]
    seconds = billed_seconds(max(run["tend_seconds"], cpu_seconds))
    timer = billed_seconds(run["enqueue_seconds"] * executions)
    return {
        "executions": (executions + 1) * _MINUTES,
        "seconds": seconds,
        "gb_seconds": (executions / way.at_once * seconds + timer) * gb * _MINUTES,
    }
