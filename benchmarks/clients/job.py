"""What a client is asked to do and what it answers, as JSON."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

HOST = "localhost"


class Mailbox(NamedTuple):
    """An address, and the access token that opens it."""

    address: str
    token: str


@dataclass(frozen=True, slots=True)
class Job:
    """kind: `check` or `backlog`; at_once, seconds: of checks, how many side by side, how long.

    The first mailbox warms the client up to checks. For a backlog there are three: an idle one,
    a small backlog to warm up to, and the one that is measured. accounts: their ids, where the
    client is the whole program.
    """

    kind: str
    port: int
    mailboxes: Sequence[Mailbox]
    at_once: int = 1
    seconds: float = 0
    accounts: Sequence[str] = ()

    @classmethod
    def read(cls) -> Self:
        found = json.load(sys.stdin)
        found["mailboxes"] = [Mailbox(*one) for one in found["mailboxes"]]
        return cls(**found)

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True, slots=True)
class Result:
    """done: checks or mails; failed: of these, those that raised; CPU of the process alone.

    idle_bytes: resident after idle checks, before the work; peak_bytes: the most ever.
    """

    done: int
    failed: int
    seconds: float
    cpu_seconds: float
    idle_bytes: int
    peak_bytes: int

    @property
    def per_second(self) -> float:
        return self.done / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds / self.done * 1000


def resident_bytes(line: str) -> int:
    """`VmRSS` now, `VmHWM` at its most; unlike getrusage's, not those of whoever started us."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = (one.split()[1] for one in status.splitlines() if one.startswith(f"{line}:"))
    return int(kilobytes) * 1024
