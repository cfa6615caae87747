"""A desk: an app whose time the test owns, accounts without a mailbox, endpoints at the receiver.

For tests of what becomes of events; an account that waits for its owner is tended to all the same.
"""

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared import events, instants
from shared.account_rows import Account
from shared.connector import Connector
from shared.deliver import Budget
from shared.endpoints import Endpoint
from shared.ledger import Ledger
from shared.outbox_rows import Event
from tests.conftest import StartApp
from tests.lab.receiver.client import Webhook
from tests.lab.services import Services

_numbers = itertools.count(1)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.at = instants.now().replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **later: float) -> None:
        self.at += timedelta(**later)

    def later(self, seconds: float) -> None:
        self.forward(seconds=seconds)

    @property
    def text(self) -> str:
        return instants.text(self.at)


class Desk:
    """What an operator has before him. The settings' endpoint is at the receiver too."""

    def __init__(self, start_app: StartApp, services: Services, **settings: str) -> None:
        self.clock = Clock()
        self.receiver = services.receiver
        self._place = f"desk{next(_numbers)}"
        self.app = start_app(
            WEBHOOK_URL=f"{services.receiver.hook_url}/{self._place}/settings",
            clock=self.clock,
            **settings,
        )

    @property
    def parts(self) -> Connector:
        return self.app.parts

    def endpoint(self, name: str, *types: str, **body: Any) -> str:
        """Makes an endpoint that is sent to under this name, and gives its id."""
        told = {"url": self.url(name), "event_types": list(types), "description": name} | body
        return str(self.parts.endpoint_admin.create(told)["id"])

    def url(self, name: str) -> str:
        return f"{self.receiver.hook_url}/{self._place}/{name}"

    def stored(self, endpoint_id: str) -> Endpoint:
        """The endpoint as another process would read it."""
        found = Connector(self.parts.settings, self.clock).endpoints.get(endpoint_id)
        assert found
        return found

    def account(self, account_id: str, **fields: Any) -> Account:
        """An account that waits for its owner: nothing is asked of its mailbox."""
        accounts = self.parts.accounts
        new = Account(
            account_id,
            accounts.shard_of(account_id),
            address="ada@outlook.example",
            status="reconnect_required",
            generation="g1",
            next_attempt_at=instants.after(self.clock(), 1800),
        )
        new = replace(new, **fields)
        self.parts.outbox.open(account_id, "g1")
        accounts.insert(new)
        return self.app.account(account_id)

    def owe(self, account: Account, count: int = 1, **changed: Any) -> list[Event]:
        """Records events of the account, due now."""
        made = [
            events.status_event(
                account, "account.blocked", next(_numbers), self.clock.text, code="internal"
            )
            for _ in range(count)
        ]
        ledger = Ledger(self.parts.outbox, self.parts.endpoints, account)
        recorded = ledger.record([replace(one, **changed) for one in made])[1]
        self.parts.accounts.attempt_soon(account.id, self.clock())
        return recorded

    def deliver(self, account: Account, owed: Sequence[Event], seconds: float = 100) -> list[Event]:
        """One round of attempts, beside the schedule."""
        budget = Budget(time.monotonic() + seconds)
        return self.parts.deliverer.deliver(account.id, owed, lambda event: event.envelope, budget)

    def tick(self, **later: float) -> None:
        """Fires the timer, so much later."""
        self.clock.forward(**later)
        self.app.tick()

    def answer(self, name: str, *answers: dict[str, Any]) -> None:
        self.receiver.answer(*answers, path=f"/hook/{self._place}/{name}")

    def came(self, name: str) -> list[Webhook]:
        """What was sent to the endpoint of that name."""
        path = f"/hook/{self._place}/{name}"
        return self.receiver.received(path=path)

    def sent_ids(self, name: str) -> list[str]:
        return [one["headers"]["webhook-id"] for one in self.came(name)]

    def deliveries(self, account: Account, endpoint_id: str) -> list[list[Any]]:
        """The stored deliveries to one endpoint, in the order of events."""
        rows = self.app.rows("mailboxes", PartitionKey=account.id)
        kept = [row for row in rows if row["RowKey"].startswith(("owed:", "dead:", "done:"))]
        kept.sort(key=lambda row: row["RowKey"].rpartition(":")[2])
        found = [json.loads(row["endpoints"]) for row in kept]
        return [one[endpoint_id] for one in found if endpoint_id in one]

    def states(self, account: Account, endpoint_id: str) -> list[str]:
        return [one[0] for one in self.deliveries(account, endpoint_id)]
