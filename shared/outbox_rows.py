"""What the rows of table `mailboxes` hold, and how they are written and read.

An event's envelope is sealed; its map of endpoints is JSON; the columns beside them are what
filters use.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import ids, instants
from shared.tables import Row
from shared.vault import Vault

TABLE = "mailboxes"
_ENVELOPE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was read: every UID up to `last_uid` is recorded or was not ours to take.

    newest: the newest INTERNALDATE recorded. started: the first check has chosen its mail, up to
    `backlog_until`; ready: `mailbox.ready` has told the counts. reset_since: UIDVALIDITY changed,
    and up to `backlog_until` only mail that came after this can be new.
    """

    folder: str
    uidvalidity: int = 0
    last_uid: int = 0
    newest: str = ""
    started: bool = False
    ready: bool = False
    backlog_until: int = 0
    backlog_found: int = 0
    backlog_sent: int = 0
    reset_since: str = ""
    etag: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        stored = {name: getattr(self, name) for name in _CURSOR_COLUMNS}
        return {"RowKey": ids.cursor_key(self.folder), **stored}


_CURSOR_COLUMNS = (
    "folder",
    "uidvalidity",
    "last_uid",
    "newest",
    "started",
    "ready",
    "backlog_until",
    "backlog_found",
    "backlog_sent",
    "reset_since",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one endpoint's deliveries of an event stand: state is owed, done or dead."""

    state: str = "owed"
    attempts: int = 0
    next: str = instants.NEVER
    status: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the outbox keeps it.

    envelope: what is known of it without its content (for a mail: from, to, subject, date,
    Message-ID; for an account event: all of its data); encrypted at rest.
    """

    webhook_id: str
    type: str
    recorded_at: str
    envelope: dict[str, Any] = field(repr=False)
    endpoints: dict[str, Delivery]
    folder: str = ""
    uidvalidity: int = 0
    uid: int = 0
    tries: int = 0
    sequence: int = 0
    etag: str = ""

    @property
    def next_at(self) -> str:
        """The earliest attempt of the map; never where nothing is owed any more."""
        owed = [item.next for item in self.endpoints.values() if item.state == "owed"]
        return min(owed, default=instants.NEVER)

    @property
    def has_dead(self) -> bool:
        return any(item.state == "dead" for item in self.endpoints.values())


@dataclass(frozen=True, slots=True)
class State:
    """The fence of an account's outbox."""

    account: str
    generation: str
    next_sequence: int = 1
    writer: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a whole reading of the outbox found."""

    owed: int
    dead: int
    next_at: str


def owed_fields(vault: Vault, account: str, event: Event) -> dict[str, Any]:
    sealed = vault.seal(_cut(event.envelope), TABLE, account, f"envelope:{event.webhook_id}")
    return {
        "PartitionKey": account,
        "RowKey": ids.owed_key(event.sequence),
        "webhook_id": event.webhook_id,
        "type": event.type,
        "recorded_at": event.recorded_at,
        "envelope": sealed,
        "endpoints": _endpoints_text(event.endpoints),
        "next_at": event.next_at,
        "has_dead": event.has_dead,
        "folder": event.folder,
        "uidvalidity": event.uidvalidity,
        "uid": event.uid,
        "tries": event.tries,
        "hash": mail_hash(vault, account, event),
    }


def mail_hash(vault: Vault, account: str, event: Event) -> str:
    """The keyed hash of Message-ID and date, by which a mail is known again under another UID."""
    return vault.keyed_hash(mail_key(event.envelope), TABLE, account)


def mail_key(envelope: Mapping[str, Any]) -> str:
    return f"{envelope.get('message_id') or ''}\n{envelope.get('date') or ''}"


def done_fields(vault: Vault, account: str, event: Event, now: datetime) -> dict[str, Any]:
    message_id = str(event.envelope.get("message_id") or "")
    place = (TABLE, account, f"message_id:{event.webhook_id}")
    return {
        "PartitionKey": account,
        "RowKey": f"done:{now:%Y%m%d}:{event.sequence:012d}",
        "webhook_id": event.webhook_id,
        "type": event.type,
        "endpoints": _endpoints_text(event.endpoints),
        "folder": event.folder,
        "uidvalidity": event.uidvalidity,
        "uid": event.uid,
        "message_id": vault.seal(message_id.encode("utf-8", "replace"), *place),
        "hash": mail_hash(vault, account, event),
    }


def event(vault: Vault, row: Row) -> Event:
    account, webhook_id = row["PartitionKey"], row["webhook_id"]
    plain = vault.open(row["envelope"], TABLE, account, f"envelope:{webhook_id}")
    return Event(
        webhook_id=webhook_id,
        type=row["type"],
        recorded_at=row["recorded_at"],
        envelope=json.loads(plain),
        endpoints={
            endpoint: Delivery(*item) for endpoint, item in json.loads(row["endpoints"]).items()
        },
        folder=row["folder"],
        uidvalidity=row["uidvalidity"],
        uid=row["uid"],
        tries=row["tries"],
        sequence=int(row["RowKey"].partition(":")[2]),
        etag=row.etag,
    )


def _endpoints_text(endpoints: dict[str, Delivery]) -> str:
    return json.dumps(
        {name: [d.state, d.attempts, d.next, d.status] for name, d in endpoints.items()}
    )


def _cut(envelope: dict[str, Any]) -> bytes:
    """The envelope as JSON of at most 16 KiB: long lists and texts lose their ends."""
    plain = json.dumps(envelope).encode()
    keep = 512
    while len(plain) > _ENVELOPE_BYTES and keep:
        plain = json.dumps({name: _shortened(v, keep) for name, v in envelope.items()}).encode()
        keep //= 2
    return plain


def _shortened(value: Any, keep: int) -> Any:
    if isinstance(value, str):
        return value[:keep]
    if isinstance(value, list):
        return [_shortened(item, keep) for item in value[: max(keep // 16, 1)]]
    if isinstance(value, dict):
        return {name: _shortened(item, keep) for name, item in value.items()}
    return value


def state_fields(state: State) -> dict[str, Any]:
    return {
        "PartitionKey": state.account,
        "RowKey": "state",
        "generation": state.generation,
        "next_sequence": state.next_sequence,
        "writer": state.writer,
    }


def state(row: Row) -> State:
    return State(
        row["PartitionKey"], row["generation"], row["next_sequence"], row["writer"], row.etag
    )


def cursor(row: Row) -> Cursor:
    return Cursor(**{name: row[name] for name in _CURSOR_COLUMNS}, etag=row.etag)
