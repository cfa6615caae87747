"""Forced refreshes of the same accounts by several processes, some killed at a write.

Each process has a proxy of its own before the tables, which kills it at its n-th write to `tokens`
and, at a request, does not pass that write on. A lease is a PATCH, a new cache is a PUT.
"""

import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from shared import events, instants
from shared.account_rows import Account
from shared.connector import Connector

from .http_proxy import TableProxy
from .not_microsoft.tokens import fingerprint
from .processes import Process
from .services import Services
from .stepped_app import SteppedApp
from .waiting import wait_until

PROCESSES = 4
_KILLED = 2  # of the processes of a round
_EACH = 8  # refreshes of a process in a round
_ROUND_SECONDS = 60
_KEY = re.compile(r"RowKey='([a-z0-9_]+)'")
_PAST = "2020-01-01T00:00:00Z"
# Longer than a lease: what a killed process holds is free again.
_LATER = timedelta(seconds=40)


@dataclass
class Report:
    """What all rounds showed, as sentences where something was wrong."""

    rounds: int = 0
    refreshes: int = 0
    busy: int = 0
    kills: int = 0
    lost: int = 0
    reconnected: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.refreshes} refreshes by {PROCESSES} processes in {self.rounds} rounds, "
            f"{self.busy} came while another asked, {self.kills} kills: {self.lost} of them between"
            f" answer and save, each told once, {self.reconnected} signed in again, "
            f"{len(self.wrong)} wrong{''.join(f'; {one}' for one in self.wrong)}"
        )


class Refreshes:
    """Accounts at a strictly rotating NotMicrosoft, and processes that renew their tokens."""

    def __init__(self, services: Services, folder: Path, accounts: int, seed: int) -> None:
        self._services = services
        self._folder = folder
        self._chance = random.Random(seed)
        self.report = Report()
        self.app = SteppedApp(services, folder, clock=lambda: instants.now() + _LATER)
        names = [f"{folder.name}{n}@outlook.example".lower() for n in range(accounts)]
        self._accounts = {found.id: found for found in map(self.app.settled, names)}
        self._proxies = [TableProxy.before(self.app.storage) for _ in range(PROCESSES)]

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.close()
        self.app.close()

    def run(self, refreshes: int) -> Report:
        """Rounds until so many refreshes succeeded."""
        while self.report.refreshes < refreshes and not self.report.wrong:
            self._round()
        return self.report

    def _round(self) -> None:
        self.report.rounds += 1
        doomed = self._chance.sample(range(PROCESSES), _KILLED)
        may_be_lost: set[str] = set()
        processes = [self._start(number) for number in range(PROCESSES)]
        with self._killing({number: processes[number] for number in doomed}, may_be_lost):
            wait_until(
                lambda: not any(one.running for one in processes), _ROUND_SECONDS, "a round's end"
            )
        refused = set()
        for process in processes:
            process.kill()
            refused |= self._count(process.log_file)
        self._judge(may_be_lost, refused)

    def _start(self, number: int) -> Process:
        proxied = {"STORAGE": self._proxies[number].connection_string}
        seed = str(self._chance.randrange(1_000_000))
        command = [sys.executable, "-m", "tests.lab.refresher", str(_EACH), seed, *self._accounts]
        log_file = self._folder / f"refresher-{self.report.rounds}-{number}.log"
        return Process("refresher", command, log_file, self.app.environment | proxied)

    @contextmanager
    def _killing(self, doomed: dict[int, Process], may_be_lost: set[str]) -> Iterator[None]:
        for number, process in doomed.items():
            phase = self._chance.choice(("request", "request", "answer"))
            kill_at = self._chance.randint(1, _EACH)
            self._proxies[number].watch(self._killer(process, phase, kill_at, may_be_lost))
        try:
            yield
        finally:
            for proxy in self._proxies:
                proxy.watch(None)

    def _killer(
        self, process: Process, phase: str, kill_at: int, may_be_lost: set[str]
    ) -> Callable[[str, str], None]:
        seen: list[str] = []

        def watcher(seen_phase: str, what: str) -> None:
            if seen_phase != phase or what.startswith("GET") or "/tokens(" not in what:
                return
            seen.append(what)
            if len(seen) == kill_at:
                self.report.kills += 1
                process.end_at_once()
                if phase == "request" and what.startswith("PUT"):
                    may_be_lost.update(_KEY.findall(what))
                if phase == "request":
                    raise ConnectionAbortedError("not passed on")

        return watcher

    def _count(self, log_file: Path) -> set[str]:
        """Counts what a process said; gives the accounts whose owner it would have asked."""
        refused = set()
        for line in log_file.read_text().splitlines():
            account, _, said = line.partition(" ")
            self.report.refreshes += said == "ok"
            self.report.busy += said == "token_busy"
            if said == "sign_in_again":
                refused.add(account)
            elif account in self._accounts and said not in {"ok", "token_busy"}:
                self.report.wrong.append(f"{said} in round {self.report.rounds}")
        return refused

    # What is true after a round

    def _judge(self, may_be_lost: set[str], refused: set[str]) -> None:
        lost = {one for one in self._accounts if self._is_lost(self._accounts[one])}
        if not lost | refused <= may_be_lost:
            self.report.wrong.append(f"{len((lost | refused) - may_be_lost)} lost without a kill")
        for one in lost:
            self._reconnect(self._accounts[one])
        self.report.lost += len(lost)

    def _is_lost(self, account: Account) -> bool:
        """Whether what is stored is not what Microsoft takes."""
        return not is_current(self._services, self.app.parts, account)

    def _reconnect(self, account: Account) -> None:
        """Its owner is asked once, and signs in again; then its token can be renewed."""
        told = len(self.app.webhooks(account.address, events.ACCOUNT_RECONNECT_REQUIRED))
        self._services.microsoft.expire_access_tokens(account.address)
        for _ in range(2):
            self._make_due(account)
            self.app.tick()
        found = self.app.account(account.id)
        asked = len(self.app.webhooks(account.address, events.ACCOUNT_RECONNECT_REQUIRED)) - told
        if (found.status, asked) != ("reconnect_required", 1):
            self.report.wrong.append(f"{found.status} was told {asked} times")
        enrolled = self.app.connect(account.address)
        if enrolled.claim:
            self.app.parts.tend.tend(enrolled.claim)
        found = self.app.account(account.id)
        self._accounts[account.id] = found
        self.app.parts.renewal.token(found, instants.now() + _LATER, force=True)
        self.report.reconnected += found.status == "active"

    def _make_due(self, account: Account) -> None:
        self.app.edit("accounts", account.shard, account.id, next_check_at=_PAST, next_due_at=_PAST)


def is_current(services: Services, parts: Connector, account: Account) -> bool:
    """Whether the refresh token that is stored is the last one that Microsoft gave."""
    stored = parts.tokens.get(account.shard, account.id, account.generation)
    assert stored
    current = services.microsoft.current_refresh_fingerprint(account.address)
    return fingerprint(_refresh_token(stored.cache)) == current


def _refresh_token(cache: bytes) -> str:
    return str(next(iter(json.loads(cache)["RefreshToken"].values()))["secret"])
