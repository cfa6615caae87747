"""Mover: one account goes to another shard, in steps of which each may be the last.

1. The old row is fenced: claimed, under its ETag, where no run holds it.
2. Its token moves (`shared.token_move`).
3. A copy of the row is written to the new shard, with the mark that it arrives: until the mark is
   taken off nobody uses it.
4. The old row is deleted under its ETag: the account has moved. Who changed it since its copy was
   made makes this fail, and it is copied again.
5. The mark is taken off.

A kill before 4 leaves the old row, whose fence ends like any claim: the account is tended to where
it was, and moved by the next call. A kill after 4 leaves a row that arrives: whoever finds it due,
and no old row, does 5. A mover that was held up finds its fence broken, or the old row gone.
"""

import contextlib
from datetime import datetime
from typing import Any

from shared import claims, instants, places, token_move
from shared.account_rows import TABLE, account
from shared.errors import Stale, TryAgain
from shared.logs import Log
from shared.outbox import Outbox
from shared.shards import Shards
from shared.tables import Delete, Row, Tables, Update

log = Log(__name__)

_ROUNDS = 6
# A move takes some milliseconds; who was killed holds the account up for as long as this.
_FENCE_SECONDS = 60


class Mover:
    """Moves accounts to the shard where they belong."""

    def __init__(
        self,
        tables: Tables,
        shards: Shards,
        outbox: Outbox,
        claim_seconds: int,
        clock: instants.Clock,
    ) -> None:
        self._tables = tables
        self._shards = shards
        self._outbox = outbox
        self._fence_seconds = min(claim_seconds, _FENCE_SECONDS)
        self._now = clock

    def move(self, row: Row) -> bool:
        """Moves the account of a row in its former shard; False where that has to wait.

        It waits while a run holds it or asks Microsoft with its token, and where it is being
        removed, or signed in to.
        """
        now = self._now()
        if row.get("deleted_at") or _is_held(row, now):
            return False
        if places.is_arriving(row):
            self.settle(*row.key)  # of a move the other way that came to no end
            return False
        try:
            fenced = self._fenced(row, now)
        except Stale:
            return False
        return self._moved(fenced)

    def _fenced(self, row: Row, now: datetime) -> Row:
        changes = {
            "claim": places.FENCE + claims.new_mark(),
            "unfinished": row["unfinished"] + places.bears_a_run(row),
            "next_due_at": self._end(now),
        }
        try:
            etag = self._tables.update(TABLE, _key(row) | changes, row.etag)
        except Stale:
            found = self._tables.get(TABLE, *row.key)
            if found is None or found["claim"] != changes["claim"]:
                raise
            return found  # our own write, whose answer got lost
        return Row(row | changes, etag)

    def _moved(self, fenced: Row) -> bool:
        former, account_id = fenced.key
        own = self._shards.of(account_id)
        try:
            token_move.move(
                self._tables, account_id, fenced["generation"], former, own, self._now()
            )
            arrived = self._carried(fenced, own)
        except TryAgain as error:
            log.info("not_moved", account=account_id, error=error)
            self._give_up(fenced, own)
            return False
        if not arrived:
            self._give_up(fenced, own)
        return arrived

    def _carried(self, fenced: Row, own: str) -> bool:
        """From the copy to the end; False where the account is no longer ours to move."""
        for _ in range(_ROUNDS):
            try:
                if not self._copied(fenced, own):
                    return False
                self._tables.transact(TABLE, [Delete(*fenced.key, fenced.etag)])
            except Stale:
                found = self._tables.get(TABLE, *fenced.key)
                if found is None:
                    break  # our own delete, whose answer got lost; or it was done for us
                if found["claim"] != fenced["claim"]:
                    return False
                fenced = found
                continue
            break
        else:
            raise TryAgain("stale", TABLE)
        return self.settle(own, fenced["RowKey"])

    def _copied(self, fenced: Row, own: str) -> bool:
        """Writes the copy; raises Stale where it has to be looked at anew."""
        copy = dict(fenced) | {
            "PartitionKey": own,
            "claim": fenced["claim"].replace(places.FENCE, places.ARRIVES),
            "next_due_at": self._end(self._now()),
        }
        try:
            self._tables.insert(TABLE, copy)
            return True
        except Stale:
            here = self._tables.get(TABLE, own, fenced["RowKey"])
        if here is None:
            raise Stale(TABLE)
        if not places.is_arriving(here):
            return False
        # Read after the copy that is there: if the fence is ours still, that is nobody's any more.
        there = self._tables.get(TABLE, *fenced.key)
        if there is None or there["claim"] != fenced["claim"] or there.etag != fenced.etag:
            raise Stale(TABLE)
        self._tables.transact(TABLE, [Update(copy, here.etag, replace=True)])
        return True

    def settle(self, shard: str, account_id: str) -> bool:
        """Ends the move of the row there, if it arrives; False while somebody is at it.

        Where the old row is still there the copy goes; where nothing is left of the account it
        was removed meanwhile.
        """
        for _ in range(_ROUNDS):
            found = self._tables.get(TABLE, shard, account_id)
            if found is None or not places.is_arriving(found):
                return True
            with contextlib.suppress(Stale):
                return self._settled(found)
        raise TryAgain("stale", TABLE)

    def _settled(self, row: Row) -> bool:
        shard, account_id = row.key
        for other in self._shards.places(account_id):
            there = self._tables.get(TABLE, other, account_id) if other != shard else None
            if there is None or places.is_arriving(there):
                continue
            if places.is_fenced(there):
                if _is_held(there, self._now()):
                    return False
                self._open(there)  # else its mover, if it lives, could still delete it
            self._tables.transact(TABLE, [Delete(*row.key, row.etag)])
            return True
        if row.get("deleted_at") or self._outbox.state(account_id):
            self._open(row)
            log.info("moved", account=account_id)
        else:
            self._tables.transact(TABLE, [Delete(*row.key, row.etag)])
            shards = self._shards.places(account_id)
            token_move.withdraw(self._tables, account_id, row["generation"], *shards)
        return True

    def _open(self, row: Row) -> None:
        """Gives the row back, due as it would be."""
        found = account(row)
        due = found.next_due_at if found.deleted_at else found.due_at()
        self._tables.update(TABLE, _key(row) | {"claim": "", "next_due_at": due}, row.etag)

    def _give_up(self, fenced: Row, own: str) -> None:
        """Leaves the account where it is, and nothing of ours."""
        former, account_id = fenced.key
        there = self._tables.get(TABLE, former, account_id)
        if there and there["claim"] == fenced["claim"]:
            if self._is_one_of_two(there, own):
                return
            with contextlib.suppress(Stale):
                self._open(there)
        copy = self._tables.get(TABLE, own, account_id)
        mark = fenced["claim"].replace(places.FENCE, places.ARRIVES)
        if copy and copy["claim"] == mark:
            self.settle(*copy.key)
        found = places.find(self._tables, self._shards, account_id)
        if found is None or found.get("deleted_at"):
            token_move.withdraw(self._tables, account_id, fenced["generation"], former, own)

    def _is_one_of_two(self, there: Row, own: str) -> bool:
        """Whether the account was connected in both shards, as by an instance with older settings.

        The one whose generation the outbox has is the account: what runs for the other records
        nothing. The other goes, with its token.
        """
        here = self._tables.get(TABLE, own, there["RowKey"])
        if here is None or places.is_arriving(here):
            return False
        state = self._outbox.state(there["RowKey"])
        if state is None or state.generation not in {here["generation"], there["generation"]}:
            return False
        other = there if here["generation"] == state.generation else here
        if other is here and _is_held(here, self._now()):
            return False
        with contextlib.suppress(Stale):
            self._tables.transact(TABLE, [Delete(*other.key, other.etag)])
            if here["generation"] != there["generation"]:
                shards = there["PartitionKey"], own
                token_move.withdraw(self._tables, other["RowKey"], other["generation"], *shards)
            log.warning("second_account_dropped", account=other["RowKey"])
        return other is there

    def _end(self, now: datetime) -> str:
        return instants.after(now, self._fence_seconds)


def _is_held(row: Row, now: datetime) -> bool:
    """Whether a run, or another mover, has the row."""
    return bool(row["claim"]) and row["next_due_at"] > instants.text(now)


def _key(row: Row) -> dict[str, Any]:
    return {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
