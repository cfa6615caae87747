"""The app in this process, one tick at a time: for tests that decide when what is due."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared import instants, settings
from shared.accounts import Account
from shared.connector import Connector
from shared.enrol import Enrolled

from . import walk
from .app_host import AppHost
from .azurite import next_account
from .services import Services
from .table_dump import dump


class SteppedApp:
    """The program's parts on real services and storage of their own, driven by the test.

    settings: what differs from the lab's usual ones ('' takes one away).
    """

    def __init__(
        self, services: Services, folder: Path, settings_: Mapping[str, str] | None = None
    ) -> None:
        # A host that is never started: it knows the lab's settings.
        host = AppHost(services, folder, storage_account=next_account(), settings=settings_)
        self.services = services
        self.storage = host.storage
        self.parts = Connector(settings.read({k: v for k, v in host.settings.items() if v}))

    def connect(
        self, address: str, kind: str = "personal", now: datetime | None = None
    ) -> Enrolled:
        """Signs the person in at NotMicrosoft and enrols what came of it."""
        known = {one["username"].casefold() for one in self.services.microsoft.accounts()}
        if address.casefold() not in known:
            self.services.microsoft.add_account(address, kind)
        url, flow = self.parts.microsoft.start()
        ca_file = str(self.services.ca_file)
        browser = walk.Browser(ca_file)
        callback = self.parts.settings.redirect_uri
        page = walk.sign_in(browser, browser.get(url), address, stop_at=callback)
        answer = dict(parse_qsl(urlsplit(page.url).query))
        at = now or instants.now()
        return self.parts.enrol.enrol(self.parts.microsoft.finish(flow, answer, at), at)

    def tick(self, at: datetime | None = None) -> int:
        """Fires the timer at that instant and tends to what it enqueued; gives the messages."""
        messages = self.parts.enqueue.enqueue(at or instants.now())
        for message in messages:
            self.parts.tend.receive(message.encode())
        return len(messages)

    def account(self, account_id: str) -> Account:
        found = self.parts.accounts.get(account_id)
        assert found is not None
        return found

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """The stored rows of a table whose columns have these values."""
        found = dump(self.storage).get(table, [])
        return [row for row in found if all(row.get(k) == v for k, v in equal.items())]

    def close(self) -> None:
        self.parts.tables.close()
        self.parts.microsoft.close()
