"""Identifiers: lower-case base32 without `_` inside; derived, so a retry makes the same one."""

import base64
import hashlib
import json
import re
import secrets
import unicodedata

ACCOUNT_ID = re.compile(r"acc_[a-z2-7]{26}\Z")
ENDPOINT_ID = re.compile(r"ep_[a-z2-7]{8,26}\Z")
SETTINGS_ENDPOINT = "ep_settings"
WEBHOOK_ID = re.compile(r"msg_([a-z2-7]{26}|system)_[a-z2-7]{20}\Z")


def _digest(parts: tuple[str | int, ...], characters: int) -> str:
    # JSON keeps ("a", "bc") and ("ab", "c") apart.
    raw = hashlib.sha256(json.dumps(parts).encode()).digest()
    return base64.b32encode(raw).decode().lower()[:characters]


def account_id(tid: str, oid: str, reference: str, *, mailbox: str = "") -> str:
    """`acc_` + 26 characters of the identity; `mailbox` only where it is shared or app-only.

    Never of the address of a person: addresses are reassigned.
    """
    mailbox = unicodedata.normalize("NFC", mailbox.casefold())
    return "acc_" + _digest((tid.lower(), oid.lower(), mailbox, reference), 26)


def mail_webhook_id(account: str, folder: str, uidvalidity: int, uid: int, kind: str) -> str:
    """`msg_<account>_<20 characters>`: the same mail has the same id at every attempt."""
    return _webhook_id(account, _digest((folder, uidvalidity, uid, kind), 20))


def event_webhook_id(account: str, kind: str, occasion: str | int) -> str:
    """The id of an event that is not a mail; the occasion is a generation or a status version."""
    return _webhook_id(account, _digest((kind, occasion), 20))


def endpoint_id() -> str:
    """A new one: endpoints are made by hand, and a retry makes another."""
    return "ep_" + base64.b32encode(secrets.token_bytes(16)).decode().lower()[:26]


def account_of(webhook_id: str) -> str:
    """The account in whose partition the event is; '' for what is no webhook id."""
    match = WEBHOOK_ID.match(webhook_id)
    if match is None:
        return ""
    return match[1] if match[1] == "system" else f"acc_{match[1]}"


def _webhook_id(account: str, tail: str) -> str:
    return f"msg_{account.removeprefix('acc_')}_{tail}"


def shard_of(account: str, shards: int) -> str:
    """The partition of table `accounts` (and `tokens`) that the account lives in."""
    number = int.from_bytes(hashlib.sha256(account.encode()).digest()[:8], "big")
    return f"{number % shards:02d}"


def spread_seconds(account: str, period_seconds: int) -> int:
    """A place in the period that is the account's own, so that all are not due at once."""
    return int.from_bytes(hashlib.sha256(account.encode()).digest()[8:16], "big") % period_seconds


def cursor_key(folder: str) -> str:
    """RowKey of a folder's cursor: names hold characters that a key must not."""
    return "cursor:" + hashlib.sha256(folder.encode()).hexdigest()[:16]


def owed_key(sequence: int) -> str:
    return f"owed:{sequence:012d}"


def sha256_hex(secret: str) -> str:
    """What is stored of a one-time secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
