"""Mail for many accounts at once, to an endpoint that works and to some that don't."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .lab import Lab
from .mails import made_up
from .receiver.client import ids
from .waiting import wait_until

HEALTHY, SLOW, DEAD = "healthy", "slow", "dead"


@dataclass(frozen=True)
class Load:
    """How long the healthy endpoint took to get everything, alone and beside the others.

    slow: how many mails the slow one had by then.
    """

    mails: int
    alone_seconds: float
    beside_seconds: float
    slow: int

    @property
    def ratio(self) -> float:
        return self.beside_seconds / self.alone_seconds

    def __str__(self) -> str:
        return (
            f"{self.mails} mails at the healthy endpoint: alone {self.alone_seconds:.1f} s, beside "
            f"a dead and a slow one {self.beside_seconds:.1f} s, {self.ratio:.2f} times; "
            f"the slow one had {self.slow} by then"
        )


def measure(lab: Lab, name: str, accounts: int, mails: int, slow_seconds: float) -> Load:
    """Lets mail gather while the host is down, starts it, and waits for the healthy endpoint."""
    path = f"/hook/{name}"
    lab.receiver.answer({"seconds": slow_seconds}, path=f"{path}/{SLOW}")
    lab.receiver.answer({"kind": "reset"}, path=f"{path}/{DEAD}")
    lab.host.api("PATCH", "endpoints/ep_settings", json={"enabled": False}).raise_for_status()
    addresses = [f"{name}{number}@outlook.example" for number in range(accounts)]

    def endpoint(kind: str) -> None:
        body = {
            "url": f"{lab.receiver.hook_url}/{name}/{kind}",
            "event_types": ["mail.received", "mailbox.ready"],
        }
        lab.host.api("POST", "endpoints", json=body).raise_for_status()

    endpoint(HEALTHY)
    for address in addresses:
        lab.connect(address)
    healthy = f"{path}/{HEALTHY}"
    _wait(lambda: len(ids(lab.receiver.received("", "mailbox.ready", healthy))), accounts)

    def seconds(batch: str) -> float:
        lab.host.stop()
        for number in range(mails):
            address = addresses[number % accounts]
            lab.mail(address, made_up(address, f"{batch} {number}"))
        lab.receiver.forget()
        lab.host.start()
        started = time.monotonic()
        _wait(lambda: len(ids(lab.receiver.received("", "mail.received", healthy))), mails)
        return time.monotonic() - started

    alone = seconds("alone")
    for kind in (SLOW, DEAD):
        endpoint(kind)
    beside = seconds("beside")
    slow = len(ids(lab.receiver.received("", "mail.received", f"{path}/{SLOW}")))
    return Load(mails, alone, beside, slow)


def _wait(count: Callable[[], int], wanted: int) -> None:
    wait_until(lambda: count() >= wanted, 300, f"{wanted} at the healthy endpoint")
