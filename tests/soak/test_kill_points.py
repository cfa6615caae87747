"""The host killed at every write and every webhook of a round, and at random."""

import os
import random
import secrets
from pathlib import Path

from tests.lab.kill_points import KillRange, Point
from tests.lab.services import Services

_MAILS = 60
_RANDOM = 50


def test_f47_a_kill_at_each_write_and_each_webhook(services: Services, tmp_path: Path) -> None:
    """KILL_POINTS_EVERY=4 takes every fourth one only."""
    every = int(os.environ.get("KILL_POINTS_EVERY", "1"))
    stand = KillRange(services, tmp_path / "each", accounts=3, slow_seconds=1)
    try:
        count = stand.count(_MAILS)
        points = [
            Point(phase, number)
            for phase in ("request", "answer")
            for number in range(1, count + 1, every)
        ]
        print(f"\n{count} writes and webhooks in a round of {_MAILS} mails")
        report = stand.run(points, _MAILS)
    finally:
        stand.close()
    print(report)
    assert not report.wrong


def test_f47_a_kill_at_random_points(services: Services, tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    chance = random.Random(seed)
    stand = KillRange(services, tmp_path / "random", accounts=3, slow_seconds=1)
    try:
        count = stand.count(_MAILS)
        points = [
            Point(chance.choice(("request", "answer")), chance.randint(1, count))
            for _ in range(_RANDOM)
        ]
        report = stand.run(points, _MAILS)
    finally:
        stand.close()
    print(f"\nseed {seed}: {report}")
    assert not report.wrong
