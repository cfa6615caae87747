"""How fast mail is parsed: messages a second on one core, seconds and peak memory of bombs."""

import argparse
import json
import resource
import subprocess
import sys
import time

from benchmarks.measures.sample_mails import origin, sample_mails
from shared import mail
from tests import bombs

ROUNDS_SECONDS = 3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bomb", choices=bombs.BOMBS, help="only this bomb, in this process")
    arguments.add_argument("--quick", action="store_true", help="no bombs, and a second's mail")
    chosen = arguments.parse_args()
    if name := chosen.bomb:
        print(f"{name:36}{_of_bomb(name)}")
    elif chosen.quick:
        print(_throughput(1))
    else:
        # First the bombs: a process counts the memory of the one that started it as its own.
        print(f"{'bomb':36}{'MB':>8}{'seconds':>10}{'peak MB':>10}", flush=True)
        for name in bombs.BOMBS:
            subprocess.run([sys.executable, "-m", __spec__.name, "--bomb", name], check=True)
        print(f"\n{_throughput(ROUNDS_SECONDS)}")


def _of_bomb(name: str) -> str:
    raw = bombs.BOMBS[name]()
    start = time.perf_counter()
    _event(raw)
    seconds = time.perf_counter() - start
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return f"{len(raw) / 1e6:8.1f}{seconds:10.2f}{peak:10.0f}"


def _throughput(seconds: float) -> str:
    mails = sample_mails("messages", "nasty")
    _events(mails)  # imports what is imported late
    rounds, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        _events(mails)
        rounds += 1
    speed = rounds * len(mails) / spent
    return f"{speed:.0f} messages/s on one core: {len(mails)} {origin()}"


def _events(mails: list[bytes]) -> None:
    for raw in mails:
        _event(raw)


def _event(raw: bytes) -> None:
    json.dumps(mail.to_event(mail.parse(raw), body_limit=64 * 1024), ensure_ascii=False)


if __name__ == "__main__":
    main()
