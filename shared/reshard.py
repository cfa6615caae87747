"""Reshard: moves every account to its shard among `SHARDS`, from those of `SHARDS_BEFORE`.

While it goes on both are looked into, and everything works. It may be killed, begun anew, and run
twice at once: see `shared.mover`.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared import instants, pages_of, places, token_move, token_store
from shared.account_rows import TABLE
from shared.errors import Rejected, TryAgain, UnseenError
from shared.logs import Log, carried
from shared.mover import Mover
from shared.once import Once
from shared.shards import Shards
from shared.tables import Row, Tables

log = Log(__name__)

_SECONDS = 45
_ROWS = 100
_THREADS = 16
# How long an instance with the former settings may still be at work: a function's time is 5 min.
_FORMER_INSTANCES = timedelta(minutes=10)
_ACCOUNTS, _ARRIVING, _TOKENS = "accounts", "arriving", "tokens"


class Reshard:
    """Goes through the former shards: accounts first, then what was left of moves and sign-ins."""

    def __init__(
        self, tables: Tables, shards: Shards, mover: Mover, once: Once, clock: instants.Clock
    ) -> None:
        self._tables = tables
        self._shards = shards
        self._mover = mover
        self._once = once
        self._now = clock

    def run(self, body: Any, seconds: float = _SECONDS) -> dict[str, Any]:
        """Moves what fits into the time.

        body: `next` of the answer before. Gives how many rows were `moved`, how many of those
        looked at had to be `left` for now, and `next`, '' at the end. Raises Rejected `reshard_off`
        without SHARDS_BEFORE, TryAgain `reshard_too_early`.
        """
        place = _place(body)
        self._check()
        deadline = time.monotonic() + seconds
        moved = left = 0
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="reshard") as pool:
            for stage, rows in self._pages(*place):
                work = [row for row in rows if self._is_wanted(stage, row)]
                results = list(pool.map(carried(self._done), [stage] * len(work), work))
                moved, left = moved + sum(results), left + len(results) - sum(results)
                if time.monotonic() > deadline:
                    return _told(moved, left, pages_of.cursor(stage, "|".join(rows[-1].key)))
        return _told(moved, left, "")

    def _check(self) -> None:
        if not self._shards.moving:
            raise Rejected("reshard_off", "SHARDS_BEFORE", status=409)
        self._shards.verify()
        beat: Mapping[str, Any] = self._once.heartbeat() or {}
        ran_with = beat.get("shards"), beat.get("shards_before")
        since = instants.parse(beat["shards_since"])
        wait = (since + _FORMER_INSTANCES - self._now()).total_seconds()
        if wait > 0 or ran_with != (self._shards.count, self._shards.before):
            raise TryAgain("reshard_too_early", retry_after_seconds=max(wait, 60))

    def _pages(self, stage: str, shard: str, row: str) -> Iterator[tuple[str, list[Row]]]:
        stages = [
            *((_ACCOUNTS, one) for one in self._shards.former),
            *((_ARRIVING, one) for one in self._shards.all),
            *((_TOKENS, one) for one in self._shards.former),
        ]
        if stage and (stage, shard) not in stages:
            raise Rejected("field_invalid", "next")
        for at in stages[stages.index((stage, shard)) if stage else 0 :]:
            while rows := self._after(*at, row):
                yield at[0], rows
                row = rows[-1]["RowKey"]
            row = ""

    def _after(self, stage: str, shard: str, row: str) -> list[Row]:
        beyond = (("PartitionKey", "eq", shard), ("RowKey", "gt", row))
        match stage:
            case "accounts":
                return self._tables.query(TABLE, *beyond, limit=_ROWS)
            case "arriving":
                return self._tables.query(TABLE, *beyond, *places.arriving(), limit=_ROWS)
            case _:
                wanted = ("generation",)
                return self._tables.query(token_store.TABLE, *beyond, select=wanted, limit=_ROWS)

    def _is_wanted(self, stage: str, row: Row) -> bool:
        shard, account_id = row.key
        return stage == _ARRIVING or self._shards.of(account_id) != shard

    def _done(self, stage: str, row: Row) -> bool:
        try:
            match stage:
                case "accounts":
                    return self._mover.move(row)
                case "arriving":
                    return self._mover.settle(*row.key)
                case _:
                    return self._token_done(row)
        except UnseenError as error:
            log.warning("not_moved", account=row["RowKey"], error=error)
            return False

    def _token_done(self, row: Row) -> bool:
        """A token that is not where its account is: of a sign-in that was overtaken by the move."""
        shard, account_id = row.key
        account = places.find(self._tables, self._shards, account_id)
        if account and account["PartitionKey"] == shard:
            return False  # it goes with its account
        if account is None or account["generation"] != row["generation"]:
            token_move.withdraw(self._tables, account_id, row["generation"], shard)
        else:
            own = account["PartitionKey"]
            generation = account["generation"]
            token_move.move(self._tables, account_id, generation, shard, own, self._now())
        return True


def _place(body: Any) -> tuple[str, str, str]:
    if body is not None and (not isinstance(body, dict) or set(body) - {"next"}):
        raise Rejected("field_invalid", "body")
    found = (body or {}).get("next", "")
    if not isinstance(found, str):
        raise Rejected("field_invalid", "next")
    stage, key = pages_of.place(found, "next")
    shard, _, row = key.partition("|")
    return stage, shard, row


def _told(moved: int, left: int, after: str) -> dict[str, Any]:
    log.info("resharded", rows=moved, left=left)
    return {"moved": moved, "left": left, "next": after}
