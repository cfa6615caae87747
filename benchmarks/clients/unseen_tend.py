"""Ours, the whole program: what is due is found and claimed, tended to, and given back.

Prints a list, an entry for each run: accounts, seconds to enqueue and to tend, seconds of CPU.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.connector import Connector, connector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=datetime.fromisoformat, help="the timer's first tick")
    parser.add_argument("--ticks", type=int, default=0, help="so many, a minute apart")
    parser.add_argument("--one", nargs="*", default=[], metavar="ID", help="then each by itself")
    chosen = parser.parse_args()
    parts = connector()
    ticks = [chosen.first + timedelta(minutes=number) for number in range(chosen.ticks)]
    runs = [_run(parts, partial(parts.enqueue.enqueue, tick)) for tick in ticks]
    runs += [_run(parts, partial(parts.enqueue.now, one)) for one in chosen.one]
    print(json.dumps(runs))


def _run(parts: Connector, find: Callable[[], list[str]]) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    messages = find()
    enqueued = time.perf_counter()
    accounts = sum(parts.tend.receive(message.encode()) for message in messages)
    return {
        "accounts": accounts,
        "enqueue_seconds": enqueued - began,
        "tend_seconds": time.perf_counter() - enqueued,
        "cpu_seconds": time.process_time() - cpu,
    }


if __name__ == "__main__":
    main()
