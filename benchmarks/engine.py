"""The mailbox engine side by side with other clients: CPU, round trips, speed, memory, cost.

All of it against the lab's real mail server (TLS 1.3, XOAUTH2 with long tokens) and real tables,
near and at a distance that TCP itself sees.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.measures import (
    backlogs,
    batches,
    bills,
    chart,
    checks,
    cold_starts,
    document,
    machine,
    report,
    sample_mails,
    tends,
)
from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import CLIENTS, Client
from benchmarks.measures.stage import Stage, stage
from benchmarks.measures.targets import LARGE
from shared import instants
from shared.claims import BATCH
from tests.lab.errors import LabError
from tests.lab.processes import ROOT
from tests.lab.standing import ending_by_signal

SECTIONS = ("checks", "tends", "batches", "backlogs", "cold_start")


@dataclass(frozen=True)
class Size:
    """How much is measured. seconds: of a client's turn; servers: see `report.SERVERS`.

    batches: mailboxes and threads, see `batches.CHOICES`.
    """

    rounds: int
    seconds: float
    at_once: tuple[int, ...]
    accounts: int
    batches: tuple[tuple[int, int], ...]
    ticks: int
    mails: int
    servers: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is measured, of whom, and from how far."""

    sections: Sequence[str]
    size: Size
    clients: Mapping[str, Client]
    rtts_ms: Sequence[float]


FULL = Size(3, 2, (1, 32, 128), BATCH, batches.CHOICES, 8, 600, tuple(report.SERVERS))
QUICK = Size(1, 0.3, (1,), 5, ((5, 5),), 2, 40, (LARGE,))


def main() -> None:
    """Measures, telling as it goes; prints the tables and writes them, the figures and a chart."""
    chosen = _arguments()
    if sys.platform != "linux":
        sys.exit("This benchmark reads CPU and memory as Linux tells them; run it in a container.")
    try:
        with ending_by_signal():  # or clients would outlive this, waiting for a server that is gone
            run = _measured(chosen)
    except (LabError, KeyboardInterrupt) as error:
        sys.exit(f"\n{str(error) or 'Ended.'}")
    folder: Path = chosen.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.json").write_text(json.dumps(run, indent=1) + "\n")
    (folder / "performance.svg").write_text(chart.svg(run))
    if chosen.docs:
        document.write(run)
    print(f"\n{report.markdown(run)}\nWritten: {folder}/performance.json and .svg")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="seconds instead of minutes; the figures are rough")
    add("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS), help="only these")
    add("--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="only these")
    add("--rtt", nargs="+", type=float, default=[0, 40], help="round-trip times in ms (0 40)")
    add("--rounds", type=int, help="turns of each client; the figures are medians (3)")
    add("--out", type=Path, default=ROOT / ".lab/bench", help="folder for figures and chart")
    add("--docs", action="store_true", help="also into docs/performance.*")
    return parser.parse_args()


def _measured(chosen: argparse.Namespace) -> Figures:
    size = QUICK if chosen.quick else FULL
    size = replace(size, rounds=chosen.rounds or size.rounds)
    wanted = {name: CLIENTS[name] for name in chosen.clients}
    rtts_ms, no_distance = checks.distances(chosen.rtt)
    run: Figures = {
        "at": instants.text(instants.now()),
        "quick": chosen.quick,
        "rounds": size.rounds,
        "machine": machine.description(),
        "busy_percent": {"before": machine.busy_percent(size.seconds)},
        "load": {"before": os.getloadavg()[0]},
        "missing": {name: one.missing for name, one in wanted.items() if one.missing},
        "no_distance": no_distance,
        "no_quota": batches.hindrance(),
        "mails": size.mails,
        "mails_origin": sample_mails.origin(),
        **{name: {} for name in ("round_trips", "table_requests", "cold_start")},
        **{name: [] for name in ("checks", "tends", "batches", "bills", "backlogs")},
    }
    clients = {name: one for name, one in wanted.items() if not one.missing}
    plan = Plan(chosen.sections, size, clients, rtts_ms)
    for server in size.servers:
        print(f"Starting {report.SERVERS[server]} ...", flush=True)
        with stage(large=server == LARGE) as standing:
            if "checks" in plan.sections:
                _checks(run, plan, standing, server)
            if server == LARGE:
                _other_sections(run, plan, standing)
    run["busy_percent"]["after"] = machine.busy_percent(size.seconds)
    run["load"]["after"] = os.getloadavg()[0]
    return run


def _checks(run: dict[str, Any], plan: Plan, standing: Stage, server: str) -> None:
    """Against a server that is not the large one, only near and one at a time."""
    large = server == LARGE
    mailboxes = standing.mailboxes(max(plan.size.at_once))
    run["round_trips"] = checks.round_trips(standing, plan.clients, mailboxes)
    run["checks"] += checks.side_by_side(
        standing,
        plan.clients,
        mailboxes,
        server=server,
        rtts_ms=plan.rtts_ms if large else [0],
        at_once=plan.size.at_once if large else [1],
        seconds=plan.size.seconds,
        rounds=plan.size.rounds,
    )


def _other_sections(run: dict[str, Any], plan: Plan, standing: Stage) -> None:
    size = plan.size
    if "tends" in plan.sections:
        accounts = standing.due_accounts(size.accounts)
        run["table_requests"] = tends.table_requests(standing, accounts, size.ticks)
        run["tends"] = tends.measure(
            standing, accounts, rtts_ms=plan.rtts_ms, ticks=size.ticks, rounds=size.rounds
        )
        run["bills"] = bills.bills(run["tends"])
    if "batches" in plan.sections and not run["no_quota"]:
        accounts = standing.due_accounts(max(mailboxes for mailboxes, _ in size.batches))
        run["batches"] = batches.measure(
            standing,
            accounts,
            size.batches,
            rtt_ms=max(plan.rtts_ms),
            ticks=size.ticks // 2 + 1,
            rounds=size.rounds,
        )
    if "backlogs" in plan.sections:
        run["backlogs"] = backlogs.side_by_side(
            standing, plan.clients, rtts_ms=plan.rtts_ms, mails=size.mails, rounds=size.rounds
        )
    if "cold_start" in plan.sections:
        run["cold_start"] = cold_starts.measure(standing, size.rounds)


if __name__ == "__main__":
    main()
