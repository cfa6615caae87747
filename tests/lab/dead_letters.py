"""A dead letter, without the 75 hours that it takes."""

from dataclasses import replace

from shared import events, instants
from shared.ledger import Ledger
from shared.outbox_rows import Delivery

from .lab import Lab


def make(lab: Lab, address: str, endpoint: str = "ep_settings") -> None:
    """Records an event of the account whose time at the endpoint is over, and has it tended to."""
    lab.wait_for_account(address, claim="")
    now = instants.now()
    with lab.parts() as parts:
        account = parts.accounts.get(lab.account_id(address))
        assert account
        event = events.status_event(account, events.ACCOUNT_RESTORED, 1, instants.text(now))
        over = Delivery(attempts=9, next=instants.text(now), status=503, since=_LONG_AGO)
        ledger = Ledger(parts.outbox, parts.endpoints, account)
        ledger.record([replace(event, endpoints={endpoint: over})])
        parts.accounts.attempt_soon(account.id, now)
    lab.check(address)
    lab.wait_for_account(address, claim="", dead=1)


_LONG_AGO = "2020-01-01T00:00:00Z"
