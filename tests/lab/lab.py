"""The lab: services, the app on its host, and what can be done with them."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared import settings
from shared.connector import Connector

from . import walk
from .app_host import AppHost
from .processes import ROOT
from .services import Ports, Services
from .table_dump import rows
from .table_edit import edit
from .waiting import wait_until


class Lab:
    """Services with the app's host on them."""

    def __init__(self, services: Services, host: AppHost) -> None:
        self.services = services
        self.host = host
        self.microsoft = services.microsoft
        self.receiver = services.receiver
        self.dovecot = services.dovecot
        self.submission = services.submission

    @property
    def login_url(self) -> str:
        return f"{self.host.base_url}/api/login"

    @property
    def dashboard_url(self) -> str:
        return f"{self.host.base_url}/api/dashboard"

    def browser(self) -> walk.Browser:
        """A new browser, without cookies."""
        return walk.Browser(str(self.services.ca_file), cross_site=[self.services.microsoft_url])

    def person(self, address: str, kind: str = "personal", **about: Any) -> None:
        """Makes the account at Microsoft where there is none of that name."""
        known = {one["username"].casefold() for one in self.microsoft.accounts()}
        if about or address.casefold() not in known:
            self.microsoft.add_account(address, kind, **about)

    def connect(
        self, address: str, kind: str = "personal", *, login_url: str = "", **options: Any
    ) -> walk.Page:
        """Walks the login as a browser would; see `walk.connect`."""
        self.person(address, kind)
        options.setdefault("browser", self.browser())
        return walk.connect(
            login_url or self.login_url, address, ca_file=str(self.services.ca_file), **options
        )

    def connected(self, address: str, kind: str = "personal") -> str:
        """A mailbox that is connected and looked through; gives the account's id."""
        self.connect(address, kind)
        self.receiver.wait_for(1, address, "mailbox.ready")
        return str(self.wait_for_account(address, claim="")["RowKey"])

    def mail(self, address: str, *raws: bytes, **options: Any) -> None:
        """Puts mail into a mailbox; see `Dovecot.deliver`."""
        for raw in raws:
            self.dovecot.deliver(address, raw, **options)

    def account(self, address: str) -> dict[str, Any]:
        """The account of the address, as the API shows it; raises LookupError."""
        page: dict[str, Any] = self.host.api("GET", "accounts?limit=200").json()
        for one in page["accounts"]:
            if one["address"].lower() == address.lower():
                found: dict[str, Any] = one
                return found
        raise LookupError(address)

    def account_id(self, address: str) -> str:
        return str(self.account(address)["id"])

    def check(self, address: str) -> None:
        """Has the mailbox looked at now."""
        path = f"accounts/{self.account_id(address)}/check"
        self.host.api("POST", path).raise_for_status()

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """The stored rows of a table whose columns have these values."""
        found = rows(self.host.storage, table)
        return [row for row in found if all(row.get(k) == v for k, v in equal.items())]

    def edit(self, table: str, partition: str, row: str, **columns: Any) -> None:
        """Changes a stored row behind the app's back."""
        edit(self.host.storage, table, partition, row, **columns)

    @contextlib.contextmanager
    def parts(self) -> Iterator[Connector]:
        """The program's parts in this process, with the host's settings and storage."""
        parts = Connector(settings.read({k: v for k, v in self.host.settings.items() if v}))
        try:
            yield parts
        finally:
            parts.tables.close()

    def enqueue(self, queue: str, text: str) -> None:
        """Puts a message into a queue of the app, as anybody with the storage key could."""
        with QueueClient.from_connection_string(
            self.host.storage, queue, message_encode_policy=TextBase64EncodePolicy()
        ) as client:
            client.send_message(text)

    def wait_for_account(self, address: str, seconds: float = 20, **columns: Any) -> dict[str, Any]:
        """Waits until the stored row of the address has these values, and gives it."""

        def there() -> dict[str, Any] | None:
            found = [r for r in self.rows("accounts", **columns) if r.get("address") == address]
            return found[0] if found else None

        return wait_until(there, seconds, f"{address} with {columns}") or {}

    def description(self) -> dict[str, Any]:
        """What `lab.json` says: addresses, keys and files for other programs."""
        return {
            "base_url": self.host.base_url,
            "login_url": self.login_url,
            "dashboard_url": self.dashboard_url,
            "function_key": self.host.function_key,
            "master_key": self.host.master_key,
            "microsoft_url": self.services.microsoft_url,
            "microsoft_control_url": f"{self.services.microsoft_url}/control",
            "imap_host": "localhost",
            "imap_port": self.dovecot.port,
            "smtp_host": "localhost",
            "smtp_port": self.submission.port,
            "ca_file": str(self.services.ca_file),
            "storage_connection_string": self.host.storage,
            "receiver_url": self.receiver.hook_url,
            "received_url": self.receiver.received_url,
            "host_pid": self.host.pid,
            "log_file": str(self.host.log_file),
        }

    def close(self) -> None:
        """Ends everything."""
        self.host.stop()
        self.services.close()


def start_lab(
    folder: Path,
    *,
    ports: Ports | None = None,
    host_port: int = 0,
    beat_seconds: float | None = 1,
    settings: Mapping[str, str] | None = None,
    app: Path = ROOT,
) -> Lab:
    """Starts all of it in `folder`; raises LabError where a part does not start.

    app: the folder of the app that is served; this project's own, if nothing is said.
    """
    services = Services(folder, ports)
    try:
        host = AppHost(
            services, folder, port=host_port, beat_seconds=beat_seconds, settings=settings, app=app
        )
        host.start()
    except BaseException:
        services.close()
        raise
    return Lab(services, host)
