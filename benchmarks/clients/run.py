"""Runs a client's work and measures it: for so many seconds, or through one backlog."""

import asyncio
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.clients.job import Job, Mailbox, Result, resident_bytes

_WARM_UPS = 3

type Check = Callable[[Job, Mailbox], object]
type CheckTask = Callable[[Job, Mailbox], Coroutine[Any, Any, object]]
# Gives how many mails there were, and how many of them could not be read.
type Read = Callable[[Job, Mailbox], tuple[int, int]]
type ReadTask = Callable[[Job, Mailbox], Coroutine[Any, Any, tuple[int, int]]]


def with_threads(check: Check, read: Read) -> None:
    """Does what the job says, with a thread for each check at once; prints the result."""
    job = Job.read()
    answer(_backlog(job, check, read) if job.kind == "backlog" else _checks(job, check))


def with_tasks(check: CheckTask, read: ReadTask) -> None:
    """As `with_threads`, on one event loop."""
    job = Job.read()
    if job.kind == "backlog":
        answer(_backlog(job, _ended(check), _ended(read)))
    else:
        answer(asyncio.run(_check_tasks(job, check)))


class Meter:
    """From here on: wall clock, CPU of all threads, and memory.

    idle_bytes: resident before the process warmed up to the work, where that is known.
    """

    def __init__(self, idle_bytes: int = 0) -> None:
        self._idle_bytes = idle_bytes or resident_bytes("VmRSS")
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def result(self, done: int, failed: int) -> Result:
        return Result(
            done,
            failed,
            time.perf_counter() - self._wall,
            time.process_time() - self._cpu,
            self._idle_bytes,
            resident_bytes("VmHWM"),
        )


def _checks(job: Job, check: Check) -> Result:
    for _ in range(_WARM_UPS):
        check(job, job.mailboxes[0])
    with ThreadPoolExecutor(job.at_once) as pool:
        meter = Meter()
        end = time.monotonic() + job.seconds
        counts = list(pool.map(lambda own: _check_until(job, check, own, end), _shares(job)))
        return meter.result(*_sums(counts))


def _check_until(job: Job, check: Check, own: Iterator[Mailbox], end: float) -> tuple[int, int]:
    done = failed = 0
    while not done or time.monotonic() < end:
        try:
            check(job, next(own))
        except Exception:
            failed += 1
        done += 1
    return done, failed


async def _check_tasks(job: Job, check: CheckTask) -> Result:
    for _ in range(_WARM_UPS):
        await check(job, job.mailboxes[0])
    meter = Meter()
    end = time.monotonic() + job.seconds
    counts = await asyncio.gather(
        *(_check_task_until(job, check, own, end) for own in _shares(job))
    )
    return meter.result(*_sums(counts))


async def _check_task_until(
    job: Job, check: CheckTask, own: Iterator[Mailbox], end: float
) -> tuple[int, int]:
    done = failed = 0
    while not done or time.monotonic() < end:
        try:
            await check(job, next(own))
        except Exception:
            failed += 1
        done += 1
    return done, failed


def _backlog(job: Job, check: Check, read: Read) -> Result:
    idle, warm_up, full = job.mailboxes
    check(job, idle)
    idle_bytes = resident_bytes("VmRSS")
    read(job, warm_up)
    meter = Meter(idle_bytes)
    return meter.result(*read(job, full))


def _shares(job: Job) -> list[Iterator[Mailbox]]:
    """Each at once has mailboxes of its own: a server may limit the connections to one."""
    return [itertools.cycle(job.mailboxes[at :: job.at_once]) for at in range(job.at_once)]


def _sums(counts: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(done for done, _ in counts), sum(failed for _, failed in counts)


def _ended[T](
    work: Callable[[Job, Mailbox], Coroutine[Any, Any, T]],
) -> Callable[[Job, Mailbox], T]:
    """The same without an event loop."""
    return lambda job, mailbox: asyncio.run(work(job, mailbox))


def answer(result: Result) -> None:
    print(json.dumps(dataclasses.asdict(result)))
