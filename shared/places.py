"""Places: where an account's row is while accounts are moved to other shards.

The old row is fenced by a claim, the new one is written with a mark that says that it arrives, and
the old one is deleted: by that the account has moved. Until then the old row is the account and
the arriving one a copy that nobody uses; then the mark is taken off. See `shared.mover`.
"""

from collections.abc import Mapping
from typing import Any

from shared.account_rows import TABLE
from shared.shards import Shards
from shared.tables import Condition, Row, Tables

FENCE = "reshard-"
ARRIVES = "arrives-"


def is_fenced(row: Mapping[str, Any]) -> bool:
    return str(row["claim"]).startswith(FENCE)


def is_arriving(row: Mapping[str, Any]) -> bool:
    return str(row["claim"]).startswith(ARRIVES)


def bears_a_run(row: Mapping[str, Any]) -> bool:
    """Whether the claim is that of a run, which may have left something unfinished."""
    return bool(row["claim"]) and not is_fenced(row) and not is_arriving(row)


def arriving() -> tuple[Condition, ...]:
    """Conditions for rows that arrive."""
    return ("claim", "ge", ARRIVES), ("claim", "lt", ARRIVES[:-1] + ".")  # after the hyphen


def find(tables: Tables, shards: Shards, account: str) -> Row | None:
    """The account's row, wherever it is; a copy that has not arrived is none.

    The new shard, the old one, and the new one again: it may have arrived in between.
    """
    *former, own = shards.places(account)
    here = tables.get(TABLE, own, account)
    if not former or (here and not is_arriving(here)):
        return here
    there = tables.get(TABLE, former[0], account)
    if there and not is_arriving(there):
        return there
    return tables.get(TABLE, own, account) or there
