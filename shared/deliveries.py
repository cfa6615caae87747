"""Deliveries as the API shows them: what died and waits for somebody, and what else there is."""

import html
from typing import Any

from shared import ids, instants, pages_of
from shared.accounts import Accounts
from shared.errors import Rejected
from shared.outbox import Outbox
from shared.outbox_rows import Event, done_from

STATES = ("dead", "owed", "done")


class Deliveries:
    """Lists events with how each endpoint's delivery stands."""

    def __init__(self, accounts: Accounts, outbox: Outbox) -> None:
        self._accounts = accounts
        self._outbox = outbox

    def page(self, query: dict[str, str]) -> dict[str, Any]:
        """Dead ones of all accounts, oldest first in each; another state needs `account`.

        query: state, account, limit, cursor, and `since`: of what is done, what was done on that
        day (UTC) or later. Raises Rejected `field_invalid` with the field.
        """
        state = query.get("state") or "dead"
        if state not in STATES:
            raise Rejected("field_invalid", "state")
        account = query.get("account", "")
        if account and not (ids.ACCOUNT_ID.match(account) or account == "system"):
            raise Rejected("field_invalid", "account")
        if state != "dead" and not account:
            raise Rejected("field_invalid", "account")
        limit = pages_of.limit(query.get("limit", ""))
        place = _place(query, state, account)
        found = self._found(state, account, place, limit + 1)
        more = len(found) > limit
        last = found[limit - 1] if more else None
        return {
            "deliveries": [
                view(account_id, event, state) for account_id, _, event in found[:limit]
            ],
            "cursor": pages_of.cursor(last[0], last[1]) if last else "",
        }

    def _found(
        self, state: str, account: str, place: tuple[str, str], limit: int
    ) -> list[tuple[str, str, Event]]:
        found: list[tuple[str, str, Event]] = []
        after, row = place
        for account_id in [account] if account else self._accounts.with_dead(after):
            start = row if account_id == after else ""
            left = limit - len(found)
            for key, event in self._outbox.listed(account_id, state, start, left):
                found.append((account_id, key, event))
            if len(found) >= limit:
                break
        return found


def _place(query: dict[str, str], state: str, account: str) -> tuple[str, str]:
    """Where the page begins: behind the cursor, else at `since`."""
    since = query.get("since", "")
    if since and state != "done":
        raise Rejected("field_invalid", "since")
    try:
        first = done_from(instants.parse(since)) if since else ""
    except ValueError:
        raise Rejected("field_invalid", "since") from None
    if query.get("cursor"):
        return pages_of.place(query["cursor"])
    return account if first else "", first


def view(account_id: str, event: Event, state: str) -> dict[str, Any]:
    """One event with its deliveries, as JSON; what an endpoint answered is escaped."""
    return {
        "webhook_id": event.webhook_id,
        "type": event.type,
        "account": account_id,
        "state": state,
        "recorded_at": event.recorded_at,
        "folder": event.folder,
        "message_id": event.envelope.get("message_id"),
        "subject": event.envelope.get("subject"),
        "endpoints": [
            {
                "id": name,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "next_at": delivery.next if delivery.state == "owed" else None,
                "last_status": delivery.status,
                "last_answer": html.escape(event.answers.get(name, "")),
            }
            for name, delivery in event.endpoints.items()
        ],
    }
