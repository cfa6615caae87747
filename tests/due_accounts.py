"""Accounts that are due, as rows, for tests of the stores."""

from datetime import UTC, datetime
from typing import Any

from shared import ids, instants
from shared.account_rows import TABLE, Account
from shared.tables import Insert
from tests.lab.stepped_app import SteppedApp

TICK = datetime(2026, 1, 31, 12, tzinfo=UTC)
IDS = sorted(ids.account_id("tid", f"oid{number}", "") for number in range(60))


def at(seconds: float) -> str:
    return instants.after(TICK, seconds)


def made(app: SteppedApp, count: int, **columns: Any) -> list[Account]:
    """So many accounts, stored; due at the tick unless the columns say otherwise."""
    columns = {"next_check_at": at(0), "generation": "g1"} | columns
    new = [Account(id=name, shard="00", **columns) for name in IDS[:count]]
    for start in range(0, count, 50):
        steps = [Insert(account.fields) for account in new[start : start + 50]]
        app.parts.tables.transact(TABLE, steps)
    return new
