"""An account as the API shows it: how it stands, why, since when, and what happens next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared import activity
from shared.account_rows import Account
from shared.catalogue import ENTRIES

_NEXT = {
    "paused": ("resume", "No new mail is looked for until `status` is set to active."),
    "reconnect_required": ("reconnect", "Its owner signs in again at the link."),
    "blocked": ("retry", "Somebody at the mailbox's side acts; it is tried again by itself."),
}
_CHECK = ("check", "The mailbox is looked at.")

type Links = Callable[[Account], str]


def view(account: Account, now: datetime, reconnect_url: str = "") -> dict[str, Any]:
    """JSON for an operator. reconnect_url: where its owner signs in again, '' where none has to."""
    return {
        "id": account.id,
        "address": account.address,
        "reference": account.reference,
        "labels": list(account.labels),
        "kind": account.kind,
        "shared_mailbox": account.shared_mailbox,
        "aliases": list(account.aliases),
        "status": account.status,
        "code": account.code,
        "message": ENTRIES[account.code].operator if account.code in ENTRIES else "",
        "since": account.since,
        "next": _next(account, reconnect_url),
        "reconnect_url": reconnect_url,
        "folders": [folder.name for folder in account.folders],
        "connected_at": account.connected_at,
        "last_success_at": account.last_success_at,
        "next_check_at": account.next_check_at,
        "failures": account.failures,
        "endpoints": list(account.endpoints),
        "common_endpoints": account.common_endpoints,
        "filtered": account.filtered,
        "owed": account.owed,
        "dead": account.dead,
        "activity": activity.view(account.activity, now),
    }


def _next(account: Account, reconnect_url: str) -> dict[str, str]:
    """action: check, retry, reconnect or resume; at: when, '' where it waits for somebody."""
    action, message = _NEXT.get(account.status, _CHECK)
    by_itself = action in {"check", "retry"}
    link = ENTRIES[account.code].link if account.code in ENTRIES else ""
    return {
        "action": action,
        "at": max(account.next_check_at, account.not_before) if by_itself else "",
        "message": message,
        "link": reconnect_url if action == "reconnect" else link,
    }
