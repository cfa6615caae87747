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
    and up to `backlog_until` only mail that came after this can be new; reset_…: what was unseen
    up to there, and what of it was known or told.
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
    reset_found: int = 0
    reset_known: int = 0
    reset_sent: int = 0
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
    "reset_found",
    "reset_known",
    "reset_sent",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one endpoint's deliveries of an event stand.

    state: owed; held (its endpoint is disabled, so that its time stands still); done; dead. next:
    when the next attempt is due. since: when its time began, '' for when the event was recorded;
    a replay begins it anew, and what was held moves it on. held: since when it is. status: of the
    last attempt's answer, 0 where there was none.
    """

    state: str = "owed"
    attempts: int = 0
    next: str = instants.NEVER
    status: int = 0
    since: str = ""
    held: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the endpoint shall still have it."""
        return self.state in {"owed", "held"}


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the outbox keeps it.

    envelope: what is known of it without its content (for a mail: from, to, subject, date,
    Message-ID; for an account event: all of its data); encrypted at rest. answers: the beginning
    of what an endpoint last answered, by endpoint; encrypted too, since it may quote the event.
    unread: it was recorded without its content, so filters that need it are still to be asked.
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
    unread: bool = False
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    sequence: int = 0
    etag: str = ""

    @property
    def next_at(self) -> str:
        """The earliest attempt of the map; never where nothing is owed any more."""
        owed = [item.next for item in self.endpoints.values() if item.state == "owed"]
        return min(owed, default=instants.NEVER)

    @property
    def is_open(self) -> bool:
        """Whether some endpoint shall still have it."""
        return any(item.is_open for item in self.endpoints.values())

    @property
    def was_taken(self) -> bool:
        """Whether it is over, some endpoint answered 2xx, and none is without it for good."""
        answered = any(200 <= item.status < 300 for item in self.endpoints.values())
        return answered and not self.is_open and not self.has_dead

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
    """What a whole reading of the outbox found.

    open: the endpoints that shall still have something, each with the state of such a delivery.
    owed_since: when the oldest event that is owed was recorded, '' where none is.
    """

    owed: int
    owed_since: str
    dead: int
    next_at: str
    open: frozenset[tuple[str, str]]


def owed_fields(vault: Vault, account: str, event: Event) -> dict[str, Any]:
    return _common_fields(vault, account, event, event.envelope) | {
        "RowKey": ids.owed_key(event.sequence),
        "next_at": event.next_at,
        "has_dead": event.has_dead,
        "answers": _sealed_answers(vault, account, event),
        "tries": event.tries,
        "unread": event.unread,
    }


def dead_fields(vault: Vault, account: str, event: Event) -> dict[str, Any]:
    return owed_fields(vault, account, event) | {"RowKey": f"dead:{event.sequence:012d}"}


def done_from(moment: datetime) -> str:
    """The beginning of the keys of what was done on that day; those of later days are greater."""
    return f"done:{moment:%Y%m%d}"


def done_fields(
    vault: Vault, account: str, event: Event, now: datetime, *, to_mark: bool = False
) -> dict[str, Any]:
    """Of a mail only what finds it again; of another event all of its data, to replay it.

    to_mark: the mail waits for a session that marks it as seen.
    """
    kept = event.envelope
    if event.uid:
        kept = {name: kept.get(name) for name in _KEPT_OF_MAIL}
    return _common_fields(vault, account, event, kept) | {
        "RowKey": f"{done_from(now)}:{event.sequence:012d}",
        "to_mark": to_mark,
    }


_KEPT_OF_MAIL = ("message_id", "date", "received_at", "size")


def _common_fields(
    vault: Vault, account: str, event: Event, envelope: dict[str, Any]
) -> dict[str, Any]:
    return {
        "PartitionKey": account,
        "webhook_id": event.webhook_id,
        "type": event.type,
        "recorded_at": event.recorded_at,
        "envelope": _sealed_envelope(vault, account, event, envelope),
        "endpoints": _endpoints_text(event.endpoints),
        "folder": event.folder,
        "uidvalidity": event.uidvalidity,
        "uid": event.uid,
        "hash": vault.keyed_hash(mail_key(event.envelope), TABLE, account),
    }


def resealed(vault: Vault, row: Row) -> dict[str, Any]:
    """The columns of an event's row under the newest key; none where they are already.

    The hash goes along, or mail would not be known again once the old key is gone.
    """
    envelope, answers = row.get("envelope", b""), row.get("answers", b"")
    if vault.is_current(envelope) and vault.is_current(answers):
        return {}
    found = event(vault, row)
    account = row["PartitionKey"]
    fields = {
        "PartitionKey": account,
        "RowKey": row["RowKey"],
        "envelope": _sealed_envelope(vault, account, found, found.envelope),
        "hash": vault.keyed_hash(mail_key(found.envelope), TABLE, account),
    }
    return fields | ({"answers": _sealed_answers(vault, account, found)} if answers else {})


def _sealed_envelope(vault: Vault, account: str, event: Event, envelope: dict[str, Any]) -> bytes:
    return vault.seal(_cut(envelope), TABLE, account, f"envelope:{event.webhook_id}")


def mail_key(envelope: Mapping[str, Any]) -> str:
    """What a mail is known by again under another UID; kept as a keyed hash."""
    return f"{envelope.get('message_id') or ''}\n{envelope.get('date') or ''}"


def event(vault: Vault, row: Row) -> Event:
    """The event of an owed, dead or done row."""
    account, webhook_id = row["PartitionKey"], row["webhook_id"]
    plain = vault.open(row["envelope"], TABLE, account, f"envelope:{webhook_id}")
    return Event(
        webhook_id=webhook_id,
        type=row["type"],
        recorded_at=row["recorded_at"],
        envelope=json.loads(plain),
        endpoints=deliveries(row),
        folder=row["folder"],
        uidvalidity=row["uidvalidity"],
        uid=row["uid"],
        tries=row.get("tries", 0),
        unread=row.get("unread", False),
        answers=_answers(vault, row),
        sequence=int(row["RowKey"].rpartition(":")[2]),
        etag=row.etag,
    )


def deliveries(row: Row) -> dict[str, Delivery]:
    """How the event of a row stands at each endpoint; nothing is decrypted for it."""
    return {name: Delivery(*item) for name, item in json.loads(row["endpoints"]).items()}


def _endpoints_text(endpoints: dict[str, Delivery]) -> str:
    return json.dumps({name: _delivery_list(one) for name, one in endpoints.items()})


def _delivery_list(delivery: Delivery) -> list[str | int]:
    """In the order of the fields; those at the end are left out where they say nothing."""
    found: list[str | int] = [getattr(delivery, name) for name in Delivery.__dataclass_fields__]
    while found[-1] == "":
        found.pop()
    return found


def _sealed_answers(vault: Vault, account: str, event: Event) -> bytes:
    if not event.answers:
        return b""
    plain = json.dumps(event.answers).encode()
    return vault.seal(plain, TABLE, account, f"answers:{event.webhook_id}")


def _answers(vault: Vault, row: Row) -> dict[str, str]:
    sealed = row.get("answers", b"")
    if not sealed:
        return {}
    place = (TABLE, row["PartitionKey"], f"answers:{row['webhook_id']}")
    found: dict[str, str] = json.loads(vault.open(sealed, *place))
    return found


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
    known = {name: row[name] for name in _CURSOR_COLUMNS if name in row}
    return Cursor(**known, etag=row.etag)
