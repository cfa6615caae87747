"""An account as the API shows it: how it stands, why, since when, and what happens next."""

from typing import Any

from shared.accounts import Account
from shared.catalogue import ENTRIES

_NEXT = {
    "paused": ("resume", "No new mail is looked for until `status` is set to active."),
    "reconnect_required": ("reconnect", "Its owner signs in again at the link."),
    "blocked": ("retry", "Somebody at the mailbox's side acts; it is tried again by itself."),
}
_CHECK = ("check", "The mailbox is looked at.")


def view(account: Account, login_url: str = "") -> dict[str, Any]:
    """JSON for an operator; nothing secret is in the row. login_url: where owners sign in."""
    return {
        "id": account.id,
        "address": account.address,
        "reference": account.reference,
        "labels": list(account.labels),
        "kind": account.kind,
        "status": account.status,
        "code": account.code,
        "message": ENTRIES[account.code].operator if account.code in ENTRIES else "",
        "since": account.since,
        "next": _next(account, login_url),
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
    }


def _next(account: Account, login_url: str) -> dict[str, str]:
    """action: check, retry, reconnect or resume; at: when, '' where it waits for somebody."""
    action, message = _NEXT.get(account.status, _CHECK)
    by_itself = action in {"check", "retry"}
    link = ENTRIES[account.code].link if account.code in ENTRIES else ""
    return {
        "action": action,
        "at": max(account.next_check_at, account.not_before) if by_itself else "",
        "message": message,
        "link": login_url if action == "reconnect" else link,
    }
