"""The host killed at every write and every webhook of a round, and at random."""

import os
import random
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.kill_points import KillRange, Point, Report
from tests.lab.services import Services

_MAILS = 60
_RANDOM = 50
_AT_ONCE = 4
_TOLD_EVERY = 10


def killed_at(services: Services, folder: Path, chosen: Callable[[int], Sequence[Point]]) -> Report:
    """Runs the points on labs side by side: they wait for the slow endpoint most of the time.

    chosen: gives the points of a round with so many writes and webhooks.
    """
    labs = [
        KillRange(services, folder / f"{folder.name}-{number}", accounts=3, slow_seconds=1)
        for number in range(_AT_ONCE)
    ]
    try:
        count = labs[0].count(_MAILS)
        print(f"\n{count} writes and webhooks in a round of {_MAILS} mails", flush=True)
        points = chosen(count)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            shares = [points[number::_AT_ONCE] for number in range(_AT_ONCE)]
            return sum(pool.map(reported, labs, shares), Report())
    finally:
        for lab in labs:
            lab.close()


def reported(lab: KillRange, points: Sequence[Point]) -> Report:
    """Runs the points and says every now and then how far it is."""
    report = Report()
    for start in range(0, len(points), _TOLD_EVERY):
        report += lab.run(points[start : start + _TOLD_EVERY], _MAILS)
        print(f"  {report}", flush=True)
    return report


def test_f47_a_kill_at_each_write_and_each_webhook(services: Services, tmp_path: Path) -> None:
    """KILL_POINTS_EVERY=4 takes every fourth only, KILL_POINTS_FROM=N leaves out the first N."""
    every, first = (int(os.environ.get(f"KILL_POINTS_{name}", "0")) for name in ("EVERY", "FROM"))

    def each(count: int) -> list[Point]:
        points = [Point(p, n) for p in ("request", "answer") for n in range(1, count + 1)]
        return points[first :: max(every, 1)]

    report = killed_at(services, tmp_path / "each", each)
    print(report)
    assert not report.wrong


def test_f47_a_kill_at_random_points(services: Services, tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    chance = random.Random(seed)

    def some(count: int) -> list[Point]:
        return [
            Point(chance.choice(("request", "answer")), chance.randint(1, count))
            for _ in range(_RANDOM)
        ]

    report = killed_at(services, tmp_path / "random", some)
    print(f"seed {seed}: {report}")
    assert not report.wrong
