"""Replay: sends events again, under the ids they had.

The outbox row first, then the account's row: a kill between the two leaves an event that is owed,
which the hourly reading finds.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import ids, instants, pages_of
from shared.accounts import Accounts
from shared.endpoints import Endpoints
from shared.errors import Rejected
from shared.logs import Log
from shared.outbox import Outbox
from shared.outbox_rows import Delivery, Event

log = Log(__name__)

_SECONDS = 45
_ROWS = 49  # each is an insert and a delete of one transaction


@dataclass(frozen=True, slots=True)
class Range:
    """Events recorded from `since` to `until`, both included; state: dead or done.

    began: of the first call. What was replayed since then, and is done again, is not meant.
    """

    since: str
    until: str
    state: str
    began: str


class Replay:
    """Makes what died, or was delivered in the last 7 days, owed again."""

    def __init__(
        self, accounts: Accounts, outbox: Outbox, endpoints: Endpoints, clock: instants.Clock
    ) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._endpoints = endpoints
        self._now = clock

    def one(self, webhook_id: str, body: Any) -> dict[str, Any]:
        """Owes one event again, to all of its endpoints or to `endpoint_id` alone.

        Raises Rejected `delivery_unknown` where there is no such event (any more).
        """
        only = _endpoint_id(body)
        account = ids.account_of(webhook_id)
        row = self._accounts.get(account) if account else None
        if row is None or row.deleted_at:
            raise Rejected("delivery_unknown", status=404)
        if only and self._endpoints.get(only) is None:
            raise Rejected("endpoint_unknown", "endpoint_id", status=404)
        found = self._outbox.find(account, webhook_id)
        if found is None:
            raise Rejected("delivery_unknown", status=404)
        now = self._now()
        wanted = [only] if only else list(found[1].endpoints)
        self._outbox.reopen(account, [(found[0], _again(found[1], wanted, now))])
        self._accounts.attempt_soon(account, now)
        log.info("replay", webhook_id=webhook_id)
        return {"webhook_id": webhook_id, "endpoints": wanted}

    def range(self, endpoint_id: str, body: Any) -> dict[str, Any]:
        """Owes an endpoint's events of a time again, as many as fit into 45 s.

        body: since, until, state, and `next` of the answer before. Gives how many, and `next`,
        '' at the end.
        """
        if not ids.ENDPOINT_ID.match(endpoint_id) or self._endpoints.get(endpoint_id) is None:
            raise Rejected("endpoint_unknown", status=404)
        wanted, place = _range(body, self._now())
        deadline = time.monotonic() + _SECONDS
        replayed = 0
        after, row = place
        for account in self._of(wanted, after):
            start = row if account == after else ""
            while True:
                rows = self._outbox.listed(account, wanted.state, start, _ROWS)
                mine = [(key, event) for key, event in rows if _is_in(event, endpoint_id, wanted)]
                replayed += self._reopened(account, mine, endpoint_id)
                if len(rows) < _ROWS:
                    break
                start = rows[-1][0]
                if time.monotonic() > deadline:
                    return {"replayed": replayed, "next": _next(account, start, wanted)}
            if time.monotonic() > deadline:
                return {"replayed": replayed, "next": _next(account, "~", wanted)}
        return {"replayed": replayed, "next": ""}

    def _of(self, wanted: Range, after: str) -> Iterable[str]:
        """Accounts that may have such events; the others are not read."""
        if wanted.state == "dead":
            return self._accounts.with_dead(after)
        return self._accounts.with_events_since(wanted.since, after)

    def _reopened(self, account: str, rows: list[tuple[str, Event]], endpoint_id: str) -> int:
        if not rows:
            return 0
        now = self._now()
        again = [(key, _again(event, [endpoint_id], now)) for key, event in rows]
        self._outbox.reopen(account, again)
        self._accounts.attempt_soon(account, now)
        log.info("replay", account=account, endpoint=endpoint_id, events=len(rows))
        return len(rows)


def _again(event: Event, wanted: list[str], now: datetime) -> Event:
    at = instants.text(now)
    due = Delivery(next=at, since=at)
    return replace(event, endpoints=event.endpoints | dict.fromkeys(wanted, due), tries=0)


def _is_in(event: Event, endpoint_id: str, wanted: Range) -> bool:
    delivery = event.endpoints.get(endpoint_id)
    if delivery is None or not wanted.since <= event.recorded_at <= wanted.until:
        return False
    return delivery.state == wanted.state and delivery.since < wanted.began


def _next(account: str, row: str, wanted: Range) -> str:
    return pages_of.cursor(account, f"{row}@{wanted.began}")


def _endpoint_id(body: Any) -> str:
    if body is None:
        return ""
    if not isinstance(body, dict) or set(body) - {"endpoint_id"}:
        raise Rejected("field_invalid", "body")
    found = body.get("endpoint_id", "")
    if not isinstance(found, str) or (found and not ids.ENDPOINT_ID.match(found)):
        raise Rejected("field_invalid", "endpoint_id")
    return found


def _range(body: Any, now: datetime) -> tuple[Range, tuple[str, str]]:
    if not isinstance(body, dict) or set(body) - {"since", "until", "state", "next"}:
        raise Rejected("field_invalid", "body")
    state = body.get("state", "dead")
    if state not in ("dead", "done"):
        raise Rejected("field_invalid", "state")
    found = body.get("next", "")
    if not isinstance(found, str):
        raise Rejected("field_invalid", "next")
    since = _instant("since", body.get("since"))
    until = _instant("until", body["until"]) if "until" in body else instants.text(now)
    account, place = pages_of.place(found, "next")
    row, _, began = place.partition("@")
    began = _instant("next", began) if began else instants.text(now)
    return Range(since, until, state, began), (account, row)


def _instant(name: str, value: Any) -> str:
    try:
        return instants.text(instants.parse(str(value)))
    except ValueError:
        raise Rejected("field_invalid", name) from None
