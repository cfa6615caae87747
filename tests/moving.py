"""Accounts that are moved between shards: an app before and while, and a mover that can be stopped.

Two connectors with the new settings are on the app's storage: `ours`, which the test asks, and
`mover`, behind a proxy at which each of its requests can be met.
"""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared import ids, instants
from shared.account_rows import Account
from shared.connector import Connector
from shared.errors import TryAgain
from shared.microsoft import Token
from shared.tables import Tables
from shared.token_store import StoredToken
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services

WRITES = 6  # of a move: fence, token's copy, token's end, copy, end, mark
EACH_WRITE = [(number, at) for number in range(1, WRITES + 1) for at in ("request", "answer")]
_numbers = itertools.count(1)
type Meet = Callable[[], object]


class Moving:
    """Accounts in so many shards, to be moved to others."""

    def __init__(
        self, start_app: StartApp, services: Services, before: int = 1, after: int = 16
    ) -> None:
        self.desk = Desk(start_app, services, SHARDS=str(before))
        self.app, self.clock = self.desk.app, self.desk.clock
        self.before, self.after = before, after
        self.failed: list[Exception] = []
        self.proxy = TableProxy.before(self.app.storage)
        self.ours = self.with_shards(after, before)
        self.mover = self.with_shards(after, before, storage=self.proxy.connection_string)
        self.mover.built["tables"] = Tables(self.proxy.connection_string, wait=lambda _: None)

    def close(self) -> None:
        self.proxy.close()
        for parts in (self.ours, self.mover):
            parts.tables.close()

    def with_shards(self, shards: int, before: int = 0, **changed: Any) -> Connector:
        settings = replace(self.app.parts.settings, shards=shards, shards_before=before, **changed)
        return Connector(settings, self.clock)

    def account(self, **fields: Any) -> Account:
        """An account in its former shard, with a token, that will have to move."""
        account_id = next(one for one in _fresh_ids() if self.moves(one))
        made = self.desk.account(account_id, **fields)
        expires_at = self.clock() + timedelta(hours=1)
        token = StoredToken(account_id, made.shard, made.generation, b"1", expires_at)
        self.app.parts.tokens.put(token)
        return made

    def moves(self, account_id: str) -> bool:
        return ids.shard_of(account_id, self.before) != ids.shard_of(account_id, self.after)

    def begin(self) -> None:
        """The new settings run, and those of before no more."""
        self.ours.shards.verify()
        self.mover.shards.verify()
        self.clock.forward(minutes=11)

    def run(self, parts: Connector | None = None, **options: float) -> list[dict[str, Any]]:
        """A whole pass."""
        reshard = (parts or self.ours).reshard
        told = [reshard.run(None, **options)]
        while told[-1]["next"]:
            told.append(reshard.run({"next": told[-1]["next"]}, **options))
        if self.failed:
            raise self.failed.pop()
        return told

    def finish(self) -> None:
        """Passes until nothing is left to do."""
        for _ in range(5):
            told = self.run()
            if not any(one["moved"] + one["left"] for one in told):
                return
            self.clock.forward(seconds=61)
        raise AssertionError(f"there is always something left: {told}")

    def meet(self, meet: Meet, number: int, phase: str = "request", *, reads: bool = False) -> None:
        """Has something happen when the mover makes its n-th write (or request at all)."""
        seen = itertools.count(1)

        def watcher(at: str, what: str) -> None:
            if at == phase and (reads or not what.startswith("GET")) and next(seen) == number:
                try:
                    meet()
                except Exception as error:  # in the proxy's thread
                    self.failed.append(error)

        self.proxy.watch(watcher)

    def run_until(self, number: int, phase: str) -> None:
        """Ends the mover at its n-th write: a request is not made, an answer does not come."""
        stopped = False
        seen = itertools.count(1)

        def watcher(at: str, what: str) -> None:
            nonlocal stopped
            if at == phase and not what.startswith("GET"):
                stopped = stopped or next(seen) == number
            if stopped:
                raise ConnectionAbortedError

        self.proxy.watch(watcher)
        with contextlib.suppress(TryAgain):
            self.run(self.mover)
        assert stopped
        self.proxy.watch(None)

    def rows(self, table: str, account_id: str) -> list[dict[str, Any]]:
        return self.app.rows(table, RowKey=account_id)

    def shard_of(self, account_id: str) -> str:
        return ids.shard_of(account_id, self.after)

    def answer(self, content: bytes) -> Token:
        return Token("access", self.clock() + timedelta(hours=2), content, renewed=True)

    def is_settled(self, account_id: str) -> bool:
        """Whether there is one row and one token, both where they belong."""
        place = [self.shard_of(account_id)]
        return all(
            [row["PartitionKey"] for row in self.rows(table, account_id)] == place
            for table in ("accounts", "tokens")
        )

    def claimed_by(self, messages: list[str]) -> list[str]:
        """The accounts that these queue messages name and that still bear their marks."""
        from shared import tend

        found = [self.ours.claims.claimed(tend.claim_of(one)) for one in messages]
        return [account.id for accounts in found for account in accounts]

    @property
    def now(self) -> str:
        return instants.text(self.clock())


def _fresh_ids() -> Any:
    return (ids.account_id("moving", str(number), "") for number in _numbers)
