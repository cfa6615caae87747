"""The app in this process, one tick at a time: for tests that decide when what is due."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.data.tables import TableServiceClient

from shared import ids, imap, instants, settings
from shared.account_rows import Account, Folder
from shared.connector import Connector
from shared.enrol import Enrolled
from shared.outbox_rows import Cursor
from shared.token_store import StoredToken

from . import walk
from .app_host import AppHost
from .azurite import next_account
from .mails import made_up
from .services import Services
from .table_dump import rows
from .table_edit import edit


class SteppedApp:
    """The program's parts on real services and storage of their own, driven by the test.

    settings: what differs from the lab's usual ones ('' takes one away). clock: what the program
    takes for the time.
    """

    def __init__(
        self,
        services: Services,
        folder: Path,
        settings_: Mapping[str, str] | None = None,
        clock: instants.Clock = instants.now,
    ) -> None:
        # A host that is never started: it knows the lab's settings.
        host = AppHost(services, folder, storage_account=next_account(), settings=settings_)
        self.services = services
        self.environment = {k: v for k, v in host.settings.items() if v}
        self._settings = settings.read(self.environment)
        self.storage = self._settings.storage.tables
        self._clock = clock
        self.parts = Connector(self._settings, clock)
        self._make_tables()

    def _make_tables(self) -> None:
        """The app makes a table when it misses one; that costs each test a moment."""
        with TableServiceClient.from_connection_string(self.storage) as service:
            for name in ("accounts", "endpoints", "mailboxes", "once", "tokens"):
                service.create_table_if_not_exists(name)

    def restart(self) -> None:
        """As a new process does: on the same storage, with nothing remembered."""
        self.close()
        self.parts = Connector(self._settings, self._clock)

    def connect(
        self, address: str, kind: str = "personal", now: datetime | None = None
    ) -> Enrolled:
        """Signs the person in at NotMicrosoft and enrols what came of it."""
        flow, answer = self.answer_of(address, kind)
        at = now or self._clock()
        return self.parts.enrol.enrol(self.parts.microsoft.finish(flow, answer, at), at)

    def answer_of(
        self, address: str, kind: str = "personal"
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Walks Microsoft's pages; gives the flow and what the callback is told."""
        known = {one["username"].casefold() for one in self.services.microsoft.accounts()}
        if address.casefold() not in known:
            self.services.microsoft.add_account(address, kind)
        url, flow = self.parts.microsoft.start()
        ca_file = str(self.services.ca_file)
        browser = walk.Browser(ca_file)
        callback = self.parts.settings.redirect_uri
        page = walk.sign_in(browser, browser.get(url), address, stop_at=callback)
        return flow, dict(parse_qsl(urlsplit(page.url).query))

    def connected(self, address: str, kind: str = "personal") -> Account:
        """Signs the person in and makes the first check."""
        enrolled = self.connect(address, kind)
        assert enrolled.claim
        self.parts.tend.tend(enrolled.claim)
        return self.account(enrolled.account.id)

    def settled(self, address: str, kind: str = "personal") -> Account:
        """An account as it is long after it was connected, its inbox looked through.

        Quicker than `connected`, for tests of what comes later: nothing is told of it.
        """
        flow, answer = self.answer_of(address, kind)
        now, parts = self._clock(), self.parts
        sign_in = parts.microsoft.finish(flow, answer, now)
        who, token = sign_in.identity, sign_in.token
        with imap.session(parts.server, address, token.access_token, 10) as session:
            inbox = session.status("INBOX")
        account_id = ids.account_id(who.tid, who.oid, "")
        account = Account(
            id=account_id,
            shard=parts.accounts.shard_of(account_id),
            address=address,
            kind=who.kind,
            tid=who.tid,
            oid=who.oid,
            since=instants.text(now),
            folders=(Folder("INBOX", inbox.uidvalidity, inbox.uidnext),),
            generation="0123456789abcdef",
            next_check_at=instants.text(now),
            next_refresh_at=instants.after(token.expires_at, -20 * 60),
            next_attempt_at=instants.after(now, 1800),
            connected_at=instants.text(now),
        )
        parts.tokens.put(
            StoredToken(
                account.id, account.shard, account.generation, token.cache, token.expires_at
            )
        )
        parts.outbox.open(account.id, account.generation)
        cursor = Cursor("INBOX", inbox.uidvalidity, inbox.uidnext - 1, started=True, ready=True)
        parts.tables.insert("mailboxes", {"PartitionKey": account.id, **cursor.fields})
        parts.accounts.insert(account)
        return self.account(account.id)

    def tick(self, at: datetime | None = None) -> int:
        """Fires the timer at that instant and tends to what it enqueued; gives the messages."""
        messages = self.parts.enqueue.enqueue(at or self._clock())
        for message in messages:
            self.parts.tend.receive(message.encode())
        return len(messages)

    def tick_in(self, seconds: float) -> int:
        """As `tick`, so many seconds from now."""
        return self.tick(instants.now() + timedelta(seconds=seconds))

    def health(self) -> str:
        """`ok` or `degraded`, as a process says that has just begun to look."""
        for name in ("health", "health_details"):
            self.parts.built.pop(name, None)
        return self.parts.health.report(self._clock())["status"]

    def put(self, address: str, *subjects: str, **options: Any) -> None:
        """Puts a mail for each subject into a mailbox; see `Dovecot.deliver`."""
        for subject in subjects or ("Hello",):
            self.services.dovecot.deliver(address, made_up(address, subject), **options)

    def account(self, account_id: str) -> Account:
        found = self.parts.accounts.get(account_id)
        assert found is not None
        return found

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """The stored rows of a table whose columns have these values."""
        found = rows(self.storage, table)
        return [row for row in found if all(row.get(k) == v for k, v in equal.items())]

    def webhooks(self, address: str, kind: str = "mail.received") -> list[dict[str, Any]]:
        """What was received of that address, in the order it came."""
        return self.services.receiver.received(address, kind)

    def subjects(self, address: str) -> list[str]:
        """Subjects of the mails that were received, in the order they came."""
        return [one["body"]["data"]["subject"] for one in self.webhooks(address)]

    def edit(self, table: str, partition: str, row: str, **columns: Any) -> None:
        """Changes a stored row behind the app's back."""
        edit(self.storage, table, partition, row, **columns)

    def make_attempts_due(self, account_id: str, **columns: Any) -> None:
        """As if all that is owed had waited long enough; columns of those rows besides."""
        past = "2020-01-01T00:00:00Z"
        for row in self.rows("mailboxes", PartitionKey=account_id):
            if row["RowKey"].startswith("owed:"):
                endpoints = json.loads(row["endpoints"])
                due = {name: [*one[:2], past, one[3]] for name, one in endpoints.items()}
                changed = {"endpoints": json.dumps(due), "next_at": past} | columns
                self.edit("mailboxes", account_id, row["RowKey"], **changed)
        shard = self.account(account_id).shard
        self.edit("accounts", shard, account_id, next_attempt_at=past, next_due_at=past)

    def close(self) -> None:
        self.parts.tables.close()
        self.parts.microsoft.close()
