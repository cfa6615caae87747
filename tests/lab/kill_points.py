"""The host killed at the n-th request, or answer, of a delivery round.

Two proxies see all that matters: one before the tables, one before the webhooks' receiver. The app
has no code for this.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .app_host import AppHost
from .azurite import next_account
from .http_proxy import HttpProxy, TableProxy
from .lab import Lab
from .mails import made_up
from .receiver.client import Webhook, ids
from .services import Services
from .waiting import wait_until

HEALTHY, SLOW, DEAD = "healthy", "slow", "dead"


@dataclass(frozen=True)
class Point:
    """Kill when so many were seen: phase is `request` or `answer`."""

    phase: str
    number: int

    def __str__(self) -> str:
        return f"{self.phase} {self.number}"


@dataclass
class Report:
    """What a run of many points showed, as sentences where something was wrong.

    unreached: points behind the last request of their round, so that nothing was killed.
    """

    points: int = 0
    mails: int = 0
    repeated: int = 0
    unreached: int = 0
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.points + other.points,
            self.mails + other.mails,
            self.repeated + other.repeated,
            self.unreached + other.unreached,
            self.wrong + other.wrong,
        )

    def __str__(self) -> str:
        return (
            f"{self.points - self.unreached} kills, {self.mails} mails: {self.repeated} sent again "
            f"with the same id, {len(self.wrong)} wrong{''.join(f'; {one}' for one in self.wrong)}"
        )


class KillRange:
    """A lab whose host dies where it is told to. slow_seconds: what the slow endpoint takes."""

    def __init__(
        self, services: Services, folder: Path, accounts: int, slow_seconds: float
    ) -> None:
        storage = next_account()
        self._tables = TableProxy(services.azurite, storage)
        self._hooks = HttpProxy(services.receiver.url)
        self._receiver = services.receiver
        self._path = f"/hook/{folder.name}"
        host = AppHost(
            services,
            folder,
            beat_seconds=0.5,
            storage_account=storage,
            settings={
                "STORAGE": self._tables.connection_string,
                "WEBHOOK_URL": f"{self._hooks.url}{self._path}/{HEALTHY}",
            },
        )
        host.start()
        self.lab = Lab(services, host)
        self.lab.receiver.answer({"seconds": slow_seconds}, path=f"{self._path}/{SLOW}")
        self.lab.receiver.answer({"kind": "reset"}, path=f"{self._path}/{DEAD}")
        self._make_endpoint(SLOW)
        self.addresses = [f"{folder.name}{n}@outlook.example".lower() for n in range(accounts)]
        for address in self.addresses:
            self.lab.connect(address)
            self._wait_for(HEALTHY, 1, address, "mailbox.ready")
        self._batch = 0

    def close(self) -> None:
        self.lab.host.kill()
        self._tables.close()
        self._hooks.close()

    def count(self, mails: int) -> int:
        """How many writes and webhooks a round of so many mails has, in all."""
        dead = self._make_endpoint(DEAD)
        with self._watched(None) as seen:
            self._round(mails)
        self._end(dead)
        return len(seen)

    def run(self, points: Sequence[Point], mails: int) -> Report:
        """A round of so many mails for each point."""
        report = Report()
        for point in points:
            dead = self._make_endpoint(DEAD)
            with self._watched(point) as seen:
                subjects = self._round(mails)
            report.unreached += len(seen) < point.number
            self._end(dead)
            report.points += 1
            report.mails += mails
            self._judge(report, point, subjects)
            for name in (HEALTHY, SLOW, DEAD):
                self._receiver.forget(f"{self._path}/{name}")
        return report

    @contextmanager
    def _watched(self, point: Point | None) -> Iterator[list[str]]:
        seen: list[str] = []
        over = False
        lock = threading.Lock()

        def watcher(phase: str, what: str) -> None:
            if what.startswith("GET") or (point and phase != point.phase):
                return
            if point is None and phase == "answer":
                return
            # The kill is over before the lock is free: nobody then talks to a host that dies.
            with lock:
                if over:
                    return
                seen.append(what)
                if point is not None and len(seen) == point.number:
                    self.lab.host.kill()

        for proxy in (self._tables, self._hooks):
            proxy.watch(watcher)
        try:
            yield seen
        finally:
            with lock:
                over = True
            for proxy in (self._tables, self._hooks):
                proxy.watch(None)

    def _round(self, mails: int) -> list[str]:
        """Puts mail in, and waits until both endpoints that live have it."""
        self._batch += 1
        subjects = [f"Batch {self._batch} mail {number}" for number in range(mails)]
        for number, subject in enumerate(subjects):
            address = self.addresses[number % len(self.addresses)]
            self.lab.mail(address, made_up(address, subject))

        def over() -> bool:
            if not self.lab.host.running:
                self.lab.host.start()
            wanted = set(subjects)
            return all(wanted <= set(self._subjects(name)) for name in (HEALTHY, SLOW))

        wait_until(over, 120, f"batch {self._batch} at both endpoints")
        return subjects

    def _end(self, dead: str) -> None:
        """Deletes the endpoint that is dead; then nothing may be owed any more."""
        if not self.lab.host.running:
            self.lab.host.start()
        self.lab.host.api("DELETE", f"endpoints/{dead}").raise_for_status()
        wait_until(self._nothing_is_owed, 120, "nothing is owed")

    def _make_endpoint(self, name: str) -> str:
        body = {
            "url": f"{self._hooks.url}{self._path}/{name}",
            "event_types": ["mail.received"],
            "description": name,
        }
        answer = self.lab.host.api("POST", "endpoints", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _nothing_is_owed(self) -> bool:
        rows = self.lab.rows("mailboxes")
        return not any(row["RowKey"].startswith("owed:") for row in rows)

    def _judge(self, report: Report, point: Point, subjects: list[str]) -> None:
        for name in (HEALTHY, SLOW):
            came = [w for w in self._came(name) if w["body"]["data"].get("subject") in subjects]
            told = {w["body"]["data"]["subject"] for w in came}
            if len(ids(came)) != len(subjects) or told != set(subjects):
                report.wrong.append(f"{point}: {len(told)} of {len(subjects)} at {name}")
            report.repeated += len(came) - len(ids(came))

    def _subjects(self, name: str) -> list[str]:
        return [str(one["body"]["data"].get("subject")) for one in self._came(name)]

    def _came(self, name: str) -> list[Webhook]:
        return self._receiver.received(kind="mail.received", path=f"{self._path}/{name}")

    def _wait_for(self, name: str, count: int, address: str, kind: str) -> None:
        self._receiver.wait_for(count, address, kind)
