"""Runs a client's work and measures it: for so many seconds, or through one backlog."""

import asyncio
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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


class _Turns:
    """One of the checks at once: its mailboxes in turn until the time is up, and how they went.

    A server may limit the connections to a mailbox, so nobody else has these.
    """

    def __init__(self, job: Job, at: int) -> None:
        self._mailboxes = itertools.cycle(job.mailboxes[at :: job.at_once])
        self._end = time.monotonic() + job.seconds
        self.done = self.failed = 0

    def __iter__(self) -> Iterator[Mailbox]:
        while not self.done or time.monotonic() < self._end:
            yield next(self._mailboxes)

    @contextmanager
    def counted(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.failed += 1
        self.done += 1


def _checks(job: Job, check: Check) -> Result:
    def take(turns: _Turns) -> None:
        for mailbox in turns:
            with turns.counted():
                check(job, mailbox)

    for _ in range(_WARM_UPS):
        check(job, job.mailboxes[0])
    with ThreadPoolExecutor(job.at_once) as pool:
        meter = Meter()
        turns = [_Turns(job, at) for at in range(job.at_once)]
        list(pool.map(take, turns))
        return _result(meter, turns)


async def _check_tasks(job: Job, check: CheckTask) -> Result:
    async def take(turns: _Turns) -> None:
        for mailbox in turns:
            with turns.counted():
                await check(job, mailbox)

    for _ in range(_WARM_UPS):
        await check(job, job.mailboxes[0])
    meter = Meter()
    turns = [_Turns(job, at) for at in range(job.at_once)]
    await asyncio.gather(*map(take, turns))
    return _result(meter, turns)


def _result(meter: Meter, turns: Sequence[_Turns]) -> Result:
    return meter.result(sum(one.done for one in turns), sum(one.failed for one in turns))


def _backlog(job: Job, check: Check, read: Read) -> Result:
    idle, warm_up, full = job.mailboxes
    check(job, idle)
    idle_bytes = resident_bytes("VmRSS")
    read(job, warm_up)
    meter = Meter(idle_bytes)
    return meter.result(*read(job, full))


def _ended[T](
    work: Callable[[Job, Mailbox], Coroutine[Any, Any, T]],
) -> Callable[[Job, Mailbox], T]:
    """The same without an event loop."""
    return lambda job, mailbox: asyncio.run(work(job, mailbox))


def answer(result: Result) -> None:
    print(json.dumps(dataclasses.asdict(result)))
