"""Ours, the whole program: what is due is found and claimed, tended to, and given back.

Prints a list, an entry for each run: accounts, seconds to enqueue and to tend, seconds of CPU, and
`executions`, the seconds that each queue message took.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from shared.claims import BATCH
from shared.connector import connector
from shared.enqueue import Enqueue
from shared.tend import Tend


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=datetime.fromisoformat, help="the timer's first tick")
    parser.add_argument("--ticks", type=int, default=0, help="so many, a minute apart")
    parser.add_argument("--one", nargs="*", default=[], metavar="ID", help="then each by itself")
    parser.add_argument("--batch", type=int, default=BATCH, help="accounts in a queue message")
    parser.add_argument("--threads", type=int, default=BATCH, help="of one execution")
    chosen = parser.parse_args()
    parts = connector()
    enqueue = Enqueue(
        *(parts.claims, parts.once, parts.settings, parts.now, parts.settle), batch=chosen.batch
    )
    tend = replace(parts.tend, threads=chosen.threads)
    ticks = [chosen.first + timedelta(minutes=number) for number in range(chosen.ticks)]
    runs = [_run(tend, partial(enqueue.enqueue, tick)) for tick in ticks]
    runs += [_run(tend, partial(enqueue.now, one)) for one in chosen.one]
    print(json.dumps(runs))


def _run(tend: Tend, find: Callable[[], list[str]]) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    messages = find()
    ends = [time.perf_counter()]
    accounts = 0
    for message in messages:
        accounts += tend.receive(message.encode())
        ends.append(time.perf_counter())
    return {
        "accounts": accounts,
        "enqueue_seconds": ends[0] - began,
        "tend_seconds": ends[-1] - ends[0],
        "cpu_seconds": time.process_time() - cpu,
        "executions": [end - start for start, end in pairwise(ends)],
    }


if __name__ == "__main__":
    main()
