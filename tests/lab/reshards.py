"""Accounts that are moved there and back while all else goes on and the host is killed.

Mail arrives and is delivered, another process renews their tokens at a strictly rotating
NotMicrosoft, a thread reads the API; at each write of a call the host, which moves them, is killed.
"""

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from shared import ids, instants

from .app_host import AppHost
from .azurite import next_account
from .http_proxy import TableProxy
from .lab import Lab
from .mails import made_up
from .processes import Process
from .refreshes import is_current
from .services import Services
from .told import Told
from .waiting import wait_until

_FEW, _MANY = "1", "16"
_LONG_AGO = "2020-01-01T00:00:00Z"
_READY_SECONDS = 60
_PASSES = 200
_KILLS_EACH_WAY = 6


@dataclass
class Report:
    """What a run showed; wrong: sentences."""

    moves: int = 0
    calls: int = 0
    kills: int = 0
    refreshes: int = 0
    busy: int = 0
    read: int = 0
    told: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        mails = "; ".join(map(str, self.told))
        wrong = "".join(f"; {one}" for one in sorted(set(self.wrong)))
        return (
            f"{self.moves} moves in {self.calls} calls, {self.kills} kills, {self.refreshes} "
            f"refreshes ({self.busy} came while another asked), {self.read} readings of the API; "
            f"{mails}; {len(self.wrong)} wrong{wrong}"
        )


class Reshards:
    """A host with accounts in one shard."""

    def __init__(self, services: Services, folder: Path, accounts: int) -> None:
        self._services = services
        self._folder = folder
        self.report = Report()
        storage = next_account()
        self._proxy = TableProxy(services.azurite, storage)
        host = AppHost(
            services,
            folder,
            beat_seconds=0.5,
            storage_account=storage,
            settings={"STORAGE": self._proxy.connection_string, "SHARDS": _FEW},
        )
        host.start()
        self.lab = Lab(services, host)
        names = [f"{folder.name}{n}@outlook.example".lower() for n in range(accounts)]
        self._accounts = {self.lab.connected(name): name for name in names}
        self._subjects: Counter[str] = Counter()
        self._turns = itertools.count(1)
        # Settings change once nobody with the former ones is at work, as an operator would wait.
        self._working = threading.Lock()

    def close(self) -> None:
        self.lab.host.kill()
        self._proxy.close()

    def run(self, kills: int) -> Report:
        """There and back until the host was killed so often; each time to the end."""
        with self._all_else():
            for number in itertools.count():
                shards, before = (_MANY, _FEW) if number % 2 == 0 else (_FEW, _MANY)
                self._set(SHARDS=shards, SHARDS_BEFORE=before)
                self._move_all(min(kills, self.report.kills + _KILLS_EACH_WAY))
                self._set(SHARDS=shards, SHARDS_BEFORE="")
                self._judge_places(int(shards))
                print(f"  to {shards}: {self.report}", flush=True)
                if self.report.kills >= kills or self.report.wrong:
                    break
        self._judge()
        return self.report

    # The moves

    def _set(self, **changed: str) -> None:
        with self._working:
            self.lab.host.stop()
            self.lab.host.settings.update(changed)
            with self.lab.parts() as parts:
                parts.shards.verify()
        self.lab.host.start()
        self.lab.edit("once", "app", "heartbeat", shards_since=_LONG_AGO)

    def _move_all(self, kills: int) -> None:
        """Calls until a whole pass has nothing to do; kills while there are some to come."""
        after, busy = "", True
        for _ in range(_PASSES):
            kill_at = next(self._turns) % 24 + 1 if self.report.kills < kills else 0
            with self._killed_at(kill_at):
                told = self._call(after)
            if told is None:
                after, busy = "", True
                continue
            after = told["next"]
            busy = busy or bool(told["moved"] or told["left"])
            self.report.moves += told["moved"]
            if not after and not busy:
                return
            busy = busy and bool(after)
        self.report.wrong.append("it came to no end")

    def _call(self, after: str) -> dict[str, Any] | None:
        self.report.calls += 1
        try:
            answer = self.lab.host.api("POST", "maintenance/reshard", json={"next": after})
        except requests.RequestException:
            wait_until(lambda: not self.lab.host.running, 10, "the host is dead")
            self.lab.host.start()
            return None
        if answer.status_code != 200:
            self.report.wrong.append(f"reshard: {answer.status_code} {answer.json()['code']}")
            return None
        found: dict[str, Any] = answer.json()
        return found

    @contextmanager
    def _killed_at(self, number: int) -> Iterator[None]:
        seen: list[str] = []
        lock = threading.Lock()
        over = False
        phase = ("request", "answer")[number % 2]

        def watcher(at: str, what: str) -> None:
            if at != phase or what.startswith("GET"):
                return
            with lock:  # the kill is over before the lock is free
                seen.append(what)
                if len(seen) == number and not over:
                    self.report.kills += 1
                    self.lab.host.kill()

        self._proxy.watch(watcher)
        try:
            yield
        finally:
            with lock:
                over = True
            self._proxy.watch(None)
            self.lab.host.start()

    # What goes on meanwhile

    @contextmanager
    def _all_else(self) -> Iterator[None]:
        end = threading.Event()
        work = (self._mails, self._refreshes, self._reads)
        threads = [threading.Thread(target=one, args=(end,)) for one in work]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            end.set()
            for thread in threads:
                thread.join(120)

    def _mails(self, end: threading.Event) -> None:
        while not end.wait(0.5):
            for address in self._accounts.values():
                self._subjects[address] += 1
                subject = f"Mail {self._subjects[address]}"
                self.lab.mail(address, made_up(address, subject))

    def _refreshes(self, end: threading.Event) -> None:
        for number in itertools.count():
            if end.is_set():
                return
            with self._working:
                said = self._refreshed(number)
            self.report.refreshes += said.count("ok")
            self.report.busy += said.count("token_busy")
            fine = {"ok", "token_busy"}
            self.report.wrong += [f"refresher: {one}" for one in set(said) - fine]

    def _refreshed(self, number: int) -> list[str]:
        """What a process said that forces refreshes; the storage is its own way to the tables."""
        settings = {k: v for k, v in self.lab.host.settings.items() if v}
        settings |= {"STORAGE": self.lab.host.storage}
        command = [sys.executable, "-m", "tests.lab.refresher", "12", str(number)]
        log_file = self._folder / f"refresher-{number}.log"
        process = Process("refresher", [*command, *self._accounts], log_file, settings)
        wait_until(lambda: not process.running, 120, "a refresher's end")
        process.kill()
        return [line.split()[-1] for line in log_file.read_text().splitlines() if line]

    def _reads(self, end: threading.Event) -> None:
        """Each account is there and is listed once, whenever the host answers."""
        while not end.wait(0.2):
            try:
                pages = [self.lab.host.api("GET", "accounts?limit=2")]
                while pages[-1].status_code == 200 and pages[-1].json()["cursor"]:
                    cursor = pages[-1].json()["cursor"]
                    pages.append(self.lab.host.api("GET", f"accounts?limit=2&cursor={cursor}"))
                one = next(iter(self._accounts))
                shown = self.lab.host.api("GET", f"accounts/{one}")
            except requests.RequestException:
                continue
            self.report.read += 1
            codes = {page.status_code for page in (*pages, shown)} - {503}
            if codes - {200}:
                self.report.wrong.append(f"the API answered {codes}")
            if all(page.status_code == 200 for page in pages):
                listed = [one["id"] for page in pages for one in page.json()["accounts"]]
                if sorted(listed) != sorted(self._accounts):
                    self.report.wrong.append(f"{len(listed)} accounts were listed")

    # What is true in the end

    def _judge_places(self, shards: int) -> None:
        for table in ("accounts", "tokens"):
            found = sorted((row["RowKey"], row["PartitionKey"]) for row in self.lab.rows(table))
            wanted = sorted((one, ids.shard_of(one, shards)) for one in self._accounts)
            if [one for one in found if one[0] != "system"] != wanted:
                self.report.wrong.append(f"{table} are not in {shards} shards: {len(found)} rows")

    def _judge(self) -> None:
        for account_id, address in self._accounts.items():
            mails = self._subjects[address]
            self.lab.receiver.wait_for(mails, address, seconds=_READY_SECONDS)
            told = Told(mails)
            for one in self.lab.receiver.received(address, "mail.received"):
                told.add(one)
            self.report.told.append(told)
            if told.missing or told.renamed:
                self.report.wrong.append(f"mail of {account_id}")
            self._judge_account(account_id)

    def _judge_account(self, account_id: str) -> None:
        with self.lab.parts() as parts:
            account = parts.accounts.get(account_id)
            assert account
            if account.status != "active":
                self.report.wrong.append(f"{account_id} is {account.status}: {account.code}")
            if not is_current(self._services, parts, account):
                self.report.wrong.append(f"{account_id} has an older refresh token")
            parts.renewal.token(account, instants.now(), force=True)
