"""Token move: a row of `tokens` goes to another shard, and no older one ever takes its place.

The sealed row is copied as it is, and the old one deleted under the ETag that was copied: where a
later answer was stored meanwhile that fails, and it is copied again. So there is a row at any time,
and of two, who reads takes the later answer (`shared.token_store`).
"""

import contextlib
from datetime import datetime

from shared import instants
from shared.errors import Stale, TryAgain
from shared.table_writes import Delete, Update
from shared.tables import Row, Tables
from shared.token_store import LEASE_SECONDS, TABLE

_ROUNDS = 6


def move(
    tables: Tables, account: str, generation: str, former: str, own: str, now: datetime
) -> None:
    """Moves what there is of the account's token; nothing is fine.

    Raises TryAgain while a run asks Microsoft with it, and where the row in the new shard is not of
    the account's generation, as while its owner signs in.
    """
    for _ in range(_ROUNDS):
        there = tables.get(TABLE, former, account)
        if there is None:
            return
        if _is_leased(there, now):
            raise TryAgain("token_busy")
        with contextlib.suppress(Stale):
            _copy(tables, there, own, generation)
            tables.transact(TABLE, [Delete(former, account, there.etag)])
            return
    raise TryAgain("stale", TABLE)


def _copy(tables: Tables, there: Row, own: str, generation: str) -> None:
    """Raises Stale where it has to be looked at anew."""
    copy = dict(there) | {"PartitionKey": own}
    try:
        tables.insert(TABLE, copy)
    except Stale:
        here = tables.get(TABLE, own, there["RowKey"])
        if here is None:
            raise
        if here["generation"] == there["generation"]:
            if here["rt_version"] < there["rt_version"]:
                tables.transact(TABLE, [Update(copy, here.etag, replace=True)])
        elif here["generation"] != generation:
            raise TryAgain("stale", TABLE) from None


def _is_leased(row: Row, now: datetime) -> bool:
    until = str(row.get("lease_until", ""))
    return instants.text(now) < until <= instants.after(now, LEASE_SECONDS)


def withdraw(tables: Tables, account: str, generation: str, *shards: str) -> None:
    """Deletes the account's rows of that generation, and none of a later sign-in."""
    for shard in shards:
        row = tables.get(TABLE, shard, account)
        while row and row["generation"] == generation:
            try:
                tables.transact(TABLE, [Delete(*row.key, row.etag)])
            except Stale:
                row = tables.get(TABLE, shard, account)
            else:
                break
