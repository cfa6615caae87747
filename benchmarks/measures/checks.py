"""Idle checks, client by client: round trips on the wire, CPU, checks a second, memory."""

import statistics
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from benchmarks.clients.job import Job, Mailbox, Result
from benchmarks.measures.clients import Client
from benchmarks.measures.stage import Stage
from tests.lab.far_link import hindrance
from tests.lab.tcp_relay import TcpRelay

type Figures = dict[str, Any]

# The third check is counted: what a process finds out once is behind it.
_CHECKS = 3


def round_trips(
    stage: Stage, clients: Mapping[str, Client], mailboxes: Sequence[Mailbox]
) -> dict[str, int]:
    """Of each client's idle check, as a relay counts them that understands nothing."""
    found = {}
    for name, client in clients.items():
        with closing(TcpRelay(stage.port)) as relay:
            stage.place(0, relay.port).result(client.command, Job("check", relay.port, mailboxes))
            found[name] = relay.connections[_CHECKS].round_trips
    return found


def side_by_side(
    stage: Stage,
    clients: Mapping[str, Client],
    mailboxes: Sequence[Mailbox],
    *,
    server: str,
    rtts_ms: Sequence[float],
    at_once: Sequence[int],
    seconds: float,
    rounds: int,
) -> list[Figures]:
    """A line of figures for each client, distance and number at once; medians of the rounds.

    server: what is written down of the stage's. In a round each client has its turn, so that what
    the machine does besides meets them all.
    """
    found = []
    for rtt_ms in rtts_ms:
        for many in at_once:
            results: dict[str, list[Result]] = {name: [] for name in clients}
            for _ in range(rounds):
                for name, client in clients.items():
                    job = Job("check", stage.port, mailboxes, many, seconds)
                    results[name].append(stage.place(rtt_ms).result(client.command, job))
            for name, ran in results.items():
                case = {"client": name, "server": server, "rtt_ms": rtt_ms, "at_once": many}
                found.append(case | medians(ran))
                print(line(found[-1]), flush=True)
    return found


def distances(wanted_ms: Sequence[float]) -> tuple[list[float], str]:
    """Those that can be had here, and why others can't."""
    why_not = hindrance()
    return [ms for ms in wanted_ms if not (ms and why_not)], why_not


def medians(results: Sequence[Result]) -> Figures:
    """Of the results of one client's rounds; memory at its most, failures all together."""
    cpu_ms = [one.cpu_ms for one in results]
    return {
        "done": sum(one.done for one in results),
        "failed": sum(one.failed for one in results),
        "cpu_ms": statistics.median(cpu_ms),
        "cpu_ms_least": min(cpu_ms),
        "cpu_ms_most": max(cpu_ms),
        "per_second": statistics.median(one.per_second for one in results),
        "peak_mb": max(one.peak_bytes for one in results) / 1e6,
        "above_idle_mb": max(one.peak_bytes - one.idle_bytes for one in results) / 1e6,
    }


def line(row: Figures) -> str:
    """One line of figures, for whoever waits."""
    failed = f"  {row['failed']} FAILED" if row["failed"] else ""
    many = f"{row['at_once']:>4} at once" if "at_once" in row else ""
    return (
        f"  {row['client']:<16}{row['rtt_ms']:>4.0f} ms away{many}{row['cpu_ms']:>9.2f} ms CPU"
        f"{row['per_second']:>9.1f} a second{row['peak_mb']:>7.0f} MB{failed}"
    )
