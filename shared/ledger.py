"""One turn's hold on an account's outbox: reads its fence when first needed, keeps it current."""

from collections.abc import Sequence
from dataclasses import replace

from shared.accounts import Account
from shared.endpoints import Endpoints
from shared.errors import Stale
from shared.outbox import Outbox
from shared.outbox_rows import Cursor, Event, State


class Ledger:
    """Records events of one account, under the generation that the turn began with."""

    def __init__(self, outbox: Outbox, endpoints: Endpoints, account: Account) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._account = account
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

        An event that says nothing about who shall have it goes to every endpoint.
        """
        owed = [
            event
            if event.endpoints
            else replace(event, endpoints=self._endpoints.owed(event.recorded_at))
            for event in events
        ]
        self._state, cursor, stored = self._outbox.record(self._fence(), cursor, moved, owed)
        return cursor, stored

    def record_once(self, event: Event) -> list[Event]:
        """Owes the event unless one of its id is owed, dead or done already."""
        if self._outbox.holds(self._account.id, "webhook_id", event.webhook_id):
            return []
        return self.record([event])[1]

    def _fence(self) -> State:
        if self._state is None:
            self._state = self._outbox.state(self._account.id)
        if self._state is None or self._state.generation != self._account.generation:
            raise Stale("state")
        return self._state
