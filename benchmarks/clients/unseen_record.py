"""Ours, a backlog fetched, parsed and recorded: events encrypted, and stored with the cursor."""

import time
from collections.abc import Mapping, Sequence

from benchmarks.clients.job import Job, resident_bytes
from benchmarks.clients.run import Meter, answer
from shared.account_rows import Account
from shared.check import Check
from shared.connector import Connector, connector
from shared.ledger import Ledger
from shared.mail_content import Content
from shared.outbox_rows import Event
from shared.reader import Reader
from shared.room import Room

_SECONDS = 170


class _Count:
    """Takes what was recorded, in place of the first attempt to deliver it."""

    def __init__(self) -> None:
        self.failed = 0

    def __call__(self, recorded: Sequence[Event], read: Mapping[int, Content]) -> None:
        self.failed += len(recorded) - len(read)


def record(parts: Connector, account_id: str) -> tuple[int, int]:
    """Looks through the inbox of one account; gives mails and those that could not be read."""
    account = _account(parts, account_id)
    count = _Count()
    with Reader(account, parts.server, parts.renewal, parts.now, _SECONDS) as reader:
        check = Check(
            account=account,
            session=reader.session,
            ledger=Ledger(parts.outbox, parts.endpoints, account),
            known_mail=lambda: parts.outbox.known_mail(account.id),
            recorded=count,
            backlog_limit=parts.settings.backlog_limit,
            body_limit=parts.settings.event_body_limit,
            deadline=time.monotonic() + _SECONDS,
            clock=parts.now,
            max_mail_bytes=parts.settings.max_mail_bytes,
            room=Room(),
        )
        check.folder(account.folders[0])
    return check.mails, count.failed


def _account(parts: Connector, account_id: str) -> Account:
    found = parts.accounts.get(account_id)
    assert found is not None
    return found


def main() -> None:
    idle, warm_up, full = Job.read().accounts
    parts = connector()
    record(parts, idle)
    idle_bytes = resident_bytes("VmRSS")
    record(parts, warm_up)
    meter = Meter(idle_bytes)
    answer(meter.result(*record(parts, full)))


if __name__ == "__main__":
    main()
