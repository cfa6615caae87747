"""One turn's hold on an account's outbox: reads its fence when first needed, keeps it current."""

from collections.abc import Sequence
from dataclasses import replace

from shared.account_rows import Account
from shared.endpoints import Endpoint, Endpoints
from shared.errors import Stale
from shared.filters import Subject
from shared.outbox import Outbox
from shared.outbox_rows import Cursor, Delivery, Event, State


class Ledger:
    """Records events of one account, under the generation that the turn began with."""

    def __init__(
        self, outbox: Outbox, endpoints: Endpoints, account: Account, *, but_not: str = ""
    ) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._account = account
        self._but_not = but_not
        self._state: State | None = None

    def cursor(self, folder: str) -> Cursor:
        """The folder's cursor; a folder that has none gets one at its start."""
        cursor = self._outbox.cursors(self._account.id).get(folder)
        if cursor is None:
            self._fence()
            self._outbox.add_cursor(self._account.id, folder)
            cursor = self._outbox.cursors(self._account.id).get(folder)
        if cursor is None:
            raise Stale("cursor")
        return cursor

    def record(
        self, events: Sequence[Event], cursor: Cursor | None = None, moved: Cursor | None = None
    ) -> tuple[Cursor | None, list[Event]]:
        """Owes the events and moves the cursor; see `Outbox.record`.

        An event that does not say who shall have it goes to all that take its type from this
        account; one that nobody takes is left out.
        """
        owed = [event for event in map(self._addressed, events) if event.endpoints]
        self._state, cursor, stored = self._outbox.record(self._fence(), cursor, moved, owed)
        return cursor, stored

    def takers(self, kind: str, folder: str = "") -> list[Endpoint]:
        """Who takes events of that type from this account."""
        account = self._account
        subject = Subject(kind, account.reference, account.labels, folder)
        found = self._endpoints.takers(account.endpoints, account.common_endpoints, subject)
        return [one for one in found if one.id != self._but_not]

    def _addressed(self, event: Event) -> Event:
        if event.endpoints:
            return event
        takers = self.takers(event.type, event.folder)
        return replace(
            event, endpoints={one.id: Delivery(next=event.recorded_at) for one in takers}
        )

    def record_once(self, event: Event) -> list[Event]:
        """Owes the event unless one of its id is owed, dead or done already."""
        if self._outbox.holds(self._account.id, "webhook_id", event.webhook_id):
            return []
        recorded: list[Event] = self.record([event])[1] if self._addressed(event).endpoints else []
        return recorded

    def _fence(self) -> State:
        if self._state is None:
            self._state = self._outbox.state(self._account.id)
        if self._state is None or self._state.generation != self._account.generation:
            raise Stale("state")
        return self._state
