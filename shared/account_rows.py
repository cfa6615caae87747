"""What a row of table `accounts` holds, and how it is written and read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared import instants, schedule
from shared.tables import Row

TABLE = "accounts"
SYSTEM = "system"
APP_ONLY = "app_only"
MAX_FOLDERS = 20


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched folder; `scanned_below` is the UIDNEXT up to which it was looked through."""

    name: str
    uidvalidity: int = 0
    scanned_below: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One row: what is needed to decide and to show. Instants are text of `shared.instants`.

    kind: personal, work, or app_only, which has no owner and the tenant's token. start: what the
    first check of a folder takes: unseen mail, or what comes from now on.
    status: active, blocked, reconnect_required, paused; `code` says why, `since` when.
    endpoints: ids of those that are its own; common_endpoints: whether the others get its events
    too. filtered: events that no endpoint took. activity: hourly counters of `shared.activity`.
    shared_mailbox: the address where it is one that somebody else's sign-in opens, delegate: of
    whom. aliases: what it may send as besides. owed_since: when the oldest event that is owed was
    recorded.
    """

    id: str
    shard: str
    address: str = ""
    reference: str = ""
    labels: tuple[str, ...] = ()
    kind: str = ""
    start: str = "unseen"
    tid: str = ""
    oid: str = ""
    status: str = "active"
    code: str = ""
    since: str = ""
    status_version: int = 0
    folders: tuple[Folder, ...] = ()
    generation: str = ""
    next_check_at: str = instants.NEVER
    next_refresh_at: str = instants.NEVER
    next_attempt_at: str = instants.NEVER
    next_due_at: str = instants.NEVER
    claim: str = ""
    unfinished: int = 0
    not_before: str = ""
    failures: int = 0
    last_success_at: str = ""
    last_event_at: str = ""
    connected_at: str = ""
    endpoints: tuple[str, ...] = ()
    common_endpoints: bool = True
    shared_mailbox: str = ""
    delegate: str = ""
    aliases: tuple[str, ...] = ()
    filtered: int = 0
    activity: str = ""
    deleted_at: str = ""
    owed: int = 0
    owed_since: str = ""
    dead: int = 0
    etag: str = ""

    @property
    def smtp_login(self) -> str:
        """Who signs in to send: for a shared mailbox the person who may send as it."""
        return self.delegate or self.address

    @property
    def fields(self) -> dict[str, Any]:
        """The row as it is stored, `next_due_at` worked out of the rest."""
        stored = {name: getattr(self, name) for name in self.__dataclass_fields__}
        del stored["id"], stored["shard"], stored["etag"]
        stored["folders"] = folders_text(self.folders)
        stored["labels"] = json.dumps(self.labels)
        stored["endpoints"] = json.dumps(self.endpoints)
        stored["aliases"] = json.dumps(self.aliases)
        if not self.deleted_at:
            stored["next_due_at"] = self.due_at()
        return {"PartitionKey": self.shard, "RowKey": self.id, **stored}

    def due_at(self, changes: Mapping[str, Any] = MappingProxyType({})) -> str:
        """The earliest of what the account waits for, once these columns are changed."""
        columns = ("next_check_at", "not_before", "next_refresh_at", "next_attempt_at")
        return schedule.next_due_at(*(changes.get(name, getattr(self, name)) for name in columns))


def folders_text(folders: Iterable[Folder]) -> str:
    return json.dumps([[f.name, f.uidvalidity, f.scanned_below] for f in folders])


def account(row: Row) -> Account:
    """The account that a row holds; columns that are absent have their defaults."""
    known = {name: row[name] for name in Account.__dataclass_fields__ if name in row}
    for name in ("labels", "endpoints", "aliases"):
        known[name] = tuple(json.loads(row.get(name, "[]")))
    known["folders"] = tuple(Folder(*item) for item in json.loads(row.get("folders", "[]")))
    return Account(**known | {"id": row["RowKey"], "shard": row["PartitionKey"], "etag": row.etag})
