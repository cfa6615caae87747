"""What the application keeps, in SQLite: whose mailbox is whose, and what webhooks brought."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from unseen import Event

FILE = os.environ.get("DATABASE", "web.sqlite")
SCHEMA = """
CREATE TABLE IF NOT EXISTS mailboxes
  (account PRIMARY KEY, user NOT NULL, address NOT NULL, connected_at NOT NULL);
CREATE TABLE IF NOT EXISTS events
  (webhook_id PRIMARY KEY, account NOT NULL, type NOT NULL, at NOT NULL, data NOT NULL);
"""


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(FILE)) as db, db:
        yield db


def make_tables() -> None:
    with closing(sqlite3.connect(FILE)) as db:
        db.executescript(SCHEMA)


def give(account: dict[str, Any], user: str) -> None:
    """From now on the user sees what is in that mailbox."""
    row = (account["id"], user, account["address"], account["connected_at"])
    with transaction() as db:
        db.execute("INSERT OR REPLACE INTO mailboxes VALUES (?, ?, ?, ?)", row)


def is_given(account: dict[str, Any]) -> bool:
    with transaction() as db:
        found = db.execute("SELECT 1 FROM mailboxes WHERE account = ?", (account["id"],))
        return found.fetchone() is not None


def keep(event: Event) -> None:
    """Once for each webhook id, however often it comes."""
    account = event.data.get("account", {}).get("id")
    if not account:
        return  # of an endpoint, not of a mailbox
    with transaction() as db:
        row = (event.id, account, event.type, event.timestamp, json.dumps(event.data))
        new = db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount
        if new and event.type == "account.disconnected":
            # It may be late: what was connected after it stays.
            until = (account, event.timestamp)
            db.execute("DELETE FROM mailboxes WHERE account = ? AND connected_at <= ?", until)
            db.execute("DELETE FROM events WHERE account = ? AND at <= ?", until)


def mailboxes(user: str) -> list[dict[str, Any]]:
    """Each with its newest word: `message` and `link` where its owner has to do something."""
    with transaction() as db:
        rows = db.execute(
            "SELECT address, (SELECT data FROM events WHERE events.account = mailboxes.account"
            " AND type LIKE 'account.%' ORDER BY at DESC, rowid DESC LIMIT 1)"
            " FROM mailboxes WHERE user = ? ORDER BY address",
            (user,),
        ).fetchall()
    return [json.loads(newest or "{}") | {"address": address} for address, newest in rows]


def mails(user: str) -> list[dict[str, Any]]:
    """The newest first. Through `mailboxes`, so that nobody sees what was not given to him."""
    with transaction() as db:
        rows = db.execute(
            "SELECT data FROM events JOIN mailboxes USING (account)"
            " WHERE user = ? AND type = 'mail.received' ORDER BY at DESC, events.rowid DESC"
            " LIMIT 50",
            (user,),
        ).fetchall()
    return [json.loads(data) for (data,) in rows]
