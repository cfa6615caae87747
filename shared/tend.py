"""Tend: one queue message's accounts, side by side, given back together.

The threads wait for mailboxes and endpoints; this one keeps the claim alive, gives back what is
done every 20 s while others are still at work, and ends the run at its own deadline. What is
still running then is left alone: its claim ends, and it comes due again.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import instants
from shared.account_rows import Account
from shared.accounts import Accounts
from shared.claims import BATCH, Claim, Claims
from shared.deliver import Budget
from shared.errors import Rejected, UnseenError
from shared.logs import Log, carried, correlated
from shared.once import Once
from shared.outcome import Outcome
from shared.tables import Row
from shared.token_store import TokenStore
from shared.turn import Tools, Turn

log = Log(__name__)

VERSION = 1
DEADLINE_SECONDS = 180
_GRACE_SECONDS = 10
_PARTIAL_SECONDS = 20
_KEY = re.compile(r"[a-z0-9_]{1,64}\Z")
_MARK = re.compile(r"[0-9a-f]{16}\Z")


def message(claim: Claim) -> str:
    """The queue message of a claim: a range and a mark, never a token or mail."""
    return json.dumps(
        {
            "v": VERSION,
            "shard": claim.shard,
            "first": claim.first,
            "last": claim.last,
            "claim": claim.claim,
            "tick": claim.tick,
        }
    )


def claim_of(text: str) -> Claim:
    """The claim of a queue message; raises Rejected for anything that `message` did not make."""
    try:
        content = json.loads(text)
        if content["v"] != VERSION:
            raise Rejected("queue_message_invalid", "v")
        claim = Claim(**{name: content[name] for name in Claim.__dataclass_fields__})
        for name, pattern in (("shard", _KEY), ("first", _KEY), ("last", _KEY), ("claim", _MARK)):
            if not pattern.match(getattr(claim, name)):
                raise Rejected("queue_message_invalid", name)
        instants.parse(claim.tick)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Rejected("queue_message_invalid") from None
    return claim


@dataclass(frozen=True, slots=True)
class Tend:
    """Tends to the accounts of claims. threads: so many of a claim's accounts side by side."""

    accounts: Accounts
    claims: Claims
    tokens: TokenStore
    once: Once
    tools: Tools
    threads: int = BATCH

    def receive(self, body: bytes, deliveries: int = 1) -> int:
        """Tends to what a queue message names; one that is not ours is dropped and counted.

        deliveries: how often the queue has handed the message out, this time included.
        """
        try:
            claim = claim_of(body.decode("utf-8", "replace"))
        except Rejected as error:
            log.error("queue_message_dropped", error=error)
            self.once.count("dropped")
            return 0
        with correlated(claim.claim):
            return self.tend(claim, deliveries - 1)

    def tend(self, claim: Claim, unfinished: int = 0) -> int:
        """Tends to what still bears the claim's mark; gives the number of accounts given back.

        unfinished: runs of this claim that came to no end. What they recorded may be owed without
        the account's row saying so, just as after a claim that was never cleared.
        """
        held = [
            replace(account, unfinished=max(account.unfinished, unfinished))
            for account in self.claims.claimed(claim)
        ]
        if not held:
            log.info("nothing_to_tend_to")
            return 0
        return _Run(self, claim, held).run()


class _Run:
    """One execution. held: rows that bear our mark and were not given back, by account id."""

    def __init__(self, tend: Tend, claim: Claim, held: list[Account]) -> None:
        self._accounts = tend.accounts
        self._claims = tend.claims
        self._tokens = tend.tokens
        self._tools = tend.tools
        self._threads = tend.threads
        self._now = tend.tools.clock
        self._claim_seconds = tend.tools.settings.claim_seconds
        self._tick = instants.parse(claim.tick)
        self._held = {account.id: account for account in held}
        self._began = dict(self._held)
        self._done: dict[str, Outcome] = {}
        self._start = time.monotonic()
        self._deadline = self._start + DEADLINE_SECONDS
        self._budget = Budget(self._deadline)
        self._given_back = 0
        self._counts = {"checks": 0, "failures": 0, "mails": 0}

    def run(self) -> int:
        now = self._now()
        half = self._claim_seconds / 2
        waited = (now - self._tick).total_seconds()
        if waited > half:
            self._renew(now)
            waited = 0
        next_renewal = self._start + half - max(waited, 0)
        rows = self._token_rows()
        pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="turn")
        turn = carried(self._turn)
        try:
            self._wait(
                {
                    pool.submit(turn, account, rows.get(account.id)): account.id
                    for account in self._held.values()
                },
                next_renewal,
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        self._finish()
        log.info(
            "batch_tended",
            accounts=len(self._began),
            given_back=self._given_back,
            **self._counts,
            seconds=round(time.monotonic() - self._start, 1),
        )
        return self._given_back

    def _token_rows(self) -> Mapping[str, Row]:
        """The sealed token rows of those that need one which this process does not remember."""
        now = self._now()
        wanted = [
            account.id
            for account in self._held.values()
            if account.status in {"active", "blocked", "paused"}
            and self._tools.renewal.remembered(account, now) is None
        ]
        shard = next(iter(self._began.values())).shard
        return self._tokens.rows(shard, wanted)

    def _turn(self, account: Account, token_row: Row | None) -> Outcome:
        deadline = self._deadline - _GRACE_SECONDS
        return Turn(self._tools, account, self._tick, self._budget, deadline, token_row).take()

    def _wait(self, running: dict[Future[Outcome], str], next_renewal: float) -> None:
        next_partial = self._start + _PARTIAL_SECONDS
        while running:
            now = time.monotonic()
            if now >= self._deadline:
                log.warning("deadline", accounts=len(running))
                return
            until = min(next_renewal, next_partial, self._deadline)
            # For all of them: each wait looks at every turn that still runs.
            done, _ = wait(running, timeout=max(until - now, 0))
            for future in done:
                self._done[running.pop(future)] = future.result()
            now = time.monotonic()
            if running and now >= next_renewal:
                self._guarded(lambda: self._renew(self._now()))
                next_renewal = now + self._claim_seconds / 2
            if running and now >= next_partial:
                self._guarded(self._finish)
                next_partial = now + _PARTIAL_SECONDS

    def _guarded(self, work: Callable[[], None]) -> None:
        """The table service may be away for a moment; the run goes on, the claim may end."""
        try:
            work()
        except UnseenError as error:
            log.warning("claim_not_kept", error=error)

    def _renew(self, now: datetime) -> None:
        kept = self._claims.renew(list(self._held.values()), now)
        self._held = {account.id: account for account in kept}

    def _finish(self) -> None:
        """Gives back what is done, in one transaction."""
        purged = [name for name, outcome in self._done.items() if outcome.purged]
        for account_id in purged:
            if account_id in self._held:
                self._accounts.drop(self._held[account_id])
                self._given_back += 1
        ready = [
            self._held[name] for name in self._done if name in self._held and name not in purged
        ]
        written = self._claims.finish(ready, self._changes)
        self._given_back += len(written)
        for name, outcome in self._done.items():
            self._held.pop(name, None)
            self._counts["checks"] += outcome.checked
            self._counts["failures"] += outcome.checked and outcome.error is not None
            self._counts["mails"] += outcome.mails
        self._done = {}

    def _changes(self, row: Account) -> dict[str, Any]:
        return self._done[row.id].fields(
            row,
            self._began[row.id],
            self._tick,
            self._now(),
            self._tools.settings.check_interval_seconds,
        )
