"""Event payloads: what a webhook's body holds. Pure.

A body is `{"type", "timestamp", "data"}`; the timestamp is when the event was recorded, so that
it is the same at every attempt.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared import ids
from shared.account_rows import Account
from shared.catalogue import ENTRIES
from shared.message_urls import MessageUrl
from shared.outbox_rows import Delivery, Event

MAIL_RECEIVED = "mail.received"
MAIL_UNREADABLE = "mail.unreadable"
MAILBOX_READY = "mailbox.ready"
MAILBOX_RESET = "mailbox.reset"
ACCOUNT_CONNECTED = "account.connected"
ACCOUNT_RESTORED = "account.restored"
ACCOUNT_BLOCKED = "account.blocked"
ACCOUNT_RECONNECT_REQUIRED = "account.reconnect_required"
ACCOUNT_DISCONNECTED = "account.disconnected"
ENDPOINT_DISABLED = "endpoint.disabled"
ENDPOINT_TEST = "endpoint.test"
TYPES = (
    *(MAIL_RECEIVED, MAIL_UNREADABLE, MAILBOX_READY, MAILBOX_RESET),
    *(ACCOUNT_CONNECTED, ACCOUNT_RESTORED, ACCOUNT_BLOCKED),
    *(ACCOUNT_RECONNECT_REQUIRED, ACCOUNT_DISCONNECTED, ENDPOINT_DISABLED),
)

GONE = "gone"
UNAVAILABLE = "unavailable"
UNREADABLE = "unreadable"

_ENVELOPE_FIELDS = ("message_id", "subject", "from", "to", "date")


def body(event: Event, data: Mapping[str, Any]) -> bytes:
    """The webhook's body as UTF-8 JSON."""
    content = {"type": event.type, "timestamp": event.recorded_at, "data": data}
    # A lone surrogate has no UTF-8; what parses mail leaves none, what names a folder might.
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def about(account: Account) -> dict[str, Any]:
    """Who the event is about, as every event says it."""
    return {
        "id": account.id,
        "address": account.address,
        "reference": account.reference,
        "labels": list(account.labels),
    }


def envelope(mail: Mapping[str, Any], received_at: str, size: int) -> dict[str, Any]:
    """What an owed mail keeps: enough to find it again, and to speak of it where it is gone."""
    return {name: mail.get(name) for name in _ENVELOPE_FIELDS} | {
        "received_at": received_at,
        "size": size,
    }


def mail_received(
    account: Account, event: Event, mail: Mapping[str, Any], flags: tuple[str, ...], base_url: str
) -> dict[str, Any]:
    """Data of `mail.received`: where it is, then its content. base_url: where our API is."""
    content = mail_fields(
        mail,
        event.envelope["received_at"],
        event.envelope["size"],
        flags,
        MessageUrl(base_url, account.id, event.folder, event.uidvalidity, event.uid),
    )
    return _place(account, event) | content


def mail_fields(
    mail: Mapping[str, Any], received_at: str, size: int, flags: Sequence[str], url: MessageUrl
) -> dict[str, Any]:
    """What is told of a mail: `mail` as parsed (`shared.mail.to_event`) and as the server has it.

    url: where the API gives it, and its attachments.
    """
    attachments = [
        one | {"url": url.below("attachments", one["id"])} for one in mail["attachments"]
    ]
    listed = as_listed(received_at, size, flags, url)
    names, end = list(mail), _index_after(mail, "date")
    return (
        {name: mail[name] for name in names[:end]}
        | listed
        | {name: mail[name] for name in names[end:]}
        | {"attachments": attachments}
    )


def as_listed(received_at: str, size: int, flags: Sequence[str], url: MessageUrl) -> dict[str, Any]:
    """What the server says of a mail beside its content, and where the API gives it."""
    return {"received_at": received_at, "size": size, "flags": list(flags), "url": str(url)}


def mail_without_content(account: Account, event: Event, why: str) -> dict[str, Any]:
    """Data of a mail that can't be read any more (`gone`) or yet (`unavailable`)."""
    return _place(account, event) | dict(event.envelope) | {"content": why}


def without_reading(account: Account, event: Event) -> Mapping[str, Any] | None:
    """The event's data where its envelope is all of it; None for a mail that has to be read."""
    if event.type == MAIL_RECEIVED:
        return None
    if event.type == MAIL_UNREADABLE:
        return mail_without_content(account, event, UNREADABLE)
    return event.envelope


def unreadable(account: Account, event: Event) -> Event:
    """What a mail becomes that could not be read three times."""
    webhook_id = ids.mail_webhook_id(
        account.id, event.folder, event.uidvalidity, event.uid, MAIL_UNREADABLE
    )
    return replace(event, type=MAIL_UNREADABLE, webhook_id=webhook_id)


def _place(account: Account, event: Event) -> dict[str, Any]:
    return {
        "account": about(account),
        "folder": event.folder,
        "uid": event.uid,
        "uid_validity": event.uidvalidity,
        "sequence": event.sequence,
    }


def _index_after(mail: Mapping[str, Any], name: str) -> int:
    return list(mail).index(name) + 1


def status_event(
    account: Account, kind: str, occasion: str | int, now: str, *, code: str = "", link: str = ""
) -> Event:
    """An `account.*` event, recorded now: all of its data rides in the envelope.

    occasion: the generation or the status version that makes its id. link: where the owner can
    act; the catalogue's own where none is given.
    """
    data: dict[str, Any] = {"account": about(account)}
    if code:
        entry = ENTRIES[code]
        data |= {"code": code, "message": entry.owner, "link": link or entry.link}
    return _event(account.id, kind, occasion, now, data)


def mailbox_ready(account: Account, folder: str, counts: Mapping[str, int], now: str) -> Event:
    """`mailbox.ready`: the first check is through; counts are found, sent, left_out."""
    data = {"account": about(account), "folder": folder, **counts}
    occasion = f"{account.generation}:{folder}"
    return replace(_event(account.id, MAILBOX_READY, occasion, now, data), folder=folder)


def mailbox_reset(
    account: Account, folder: str, uidvalidity: int, counts: Mapping[str, int], now: str
) -> Event:
    """`mailbox.reset`: the server numbers the folder anew; counts: found, known, sent, left_out."""
    data = {"account": about(account), "folder": folder, "uid_validity": uidvalidity, **counts}
    occasion = f"{account.generation}:{folder}:{uidvalidity}"
    return replace(_event(account.id, MAILBOX_RESET, occasion, now, data), folder=folder)


def disconnected(tombstone: Account, partition: str, now: str) -> Event:
    """`account.disconnected`, to the endpoints that the tombstone names: id and reference."""
    data = {"account": {"id": tombstone.id, "reference": tombstone.reference}}
    occasion = f"{tombstone.id}:{tombstone.generation}"
    event = _event(partition, ACCOUNT_DISCONNECTED, occasion, now, data)
    return replace(event, endpoints={name: Delivery(next=now) for name in tombstone.endpoints})


def endpoint_disabled(
    partition: str, endpoint_id: str, description: str, code: str, occasion: str, now: str
) -> Event:
    """`endpoint.disabled`; occasion: since when it had been enabled, which makes its id."""
    data = {
        "endpoint": {"id": endpoint_id, "description": description},
        "code": code,
        "message": ENTRIES[code].operator,
    }
    return _event(partition, ENDPOINT_DISABLED, f"{endpoint_id}:{occasion}", now, data)


def _event(partition: str, kind: str, occasion: str | int, now: str, data: dict[str, Any]) -> Event:
    return Event(
        webhook_id=ids.event_webhook_id(partition, kind, occasion),
        type=kind,
        recorded_at=now,
        envelope=data,
        endpoints={},
    )
