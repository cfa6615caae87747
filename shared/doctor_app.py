"""The doctor's look at the app: storage, keys, clock, network and the registration at Microsoft.

Nothing stays behind: what is written to see whether it can be is removed again.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

from shared import reach, tables
from shared.connector import Connector
from shared.errors import OperatorFault, ReconnectNeeded, Rejected, TryAgain, UnseenError
from shared.findings import Examination
from shared.managed_identity import ManagedIdentity
from shared.storage_settings import is_url

_CLOCK_SECONDS = 60
_TOKENS = 20
# What Microsoft says of a request with a code that it never gave, and what of ours that is about.
_REGISTRATION = {
    "AADSTS700016": "client_id_unknown",
    "AADSTS7000215": "client_secret_refused",
    "AADSTS7000222": "credentials_expired",
    "AADSTS50011": "redirect_uri_unknown",
    "AADSTS500112": "redirect_uri_unknown",
}


@dataclass(frozen=True, slots=True)
class DoctorOfTheApp:
    """Looks at the parts as they are wired; each step goes into the examination."""

    parts: Connector
    examination: Examination

    def examine(self) -> None:
        step = self.examination.step
        step("clock: Microsoft", lambda: self._clock(self.parts.microsoft.server_time()))
        if step("storage: tables", self._tables):
            step("clock: storage", lambda: self._clock(self.parts.tables.server_time()))
            step("keys", self._keys)
        else:
            self.examination.skip("needs the tables", "clock: storage", "keys")
        if self.parts.settings.storage.queues:
            step("storage: queues", self._queues)
        else:
            self.examination.skip("AzureWebJobsStorage says nothing of them", "storage: queues")
        self._network()
        step("app registration", self._registration)

    def _clock(self, theirs: datetime) -> str:
        """How far ours is from another's, which says whole seconds and takes its time."""
        off = round((self.parts.now() - theirs).total_seconds())
        if abs(off) > _CLOCK_SECONDS:
            raise OperatorFault("clock_wrong", f"{off:+d} s")
        return f"{off:+d} s"

    # Storage

    def _tables(self) -> str:
        """Writes and removes a row of its own."""
        key = {"PartitionKey": "doctor", "RowKey": secrets.token_hex(8)}
        self.parts.tables.put("once", key)
        self.parts.tables.delete("once", *key.values())
        storage = self.parts.settings.storage
        return f"read and written {storage.told(storage.tables)}"

    def _keys(self) -> str:
        """Opens some of the stored tokens."""
        opened = 0
        for shard in self.parts.accounts.shards:
            opened += self.parts.tokens.open_some(shard, _TOKENS)
        return f"{opened} stored tokens open" if opened else "no token is stored yet"

    def _queues(self) -> str:
        """Makes a queue of its own, writes to it and removes it."""
        with _storage_errors(), self._queue_service() as service:
            name = f"doctor-{secrets.token_hex(8)}"
            service.create_queue(name).send_message("")
            service.delete_queue(name)
        storage = self.parts.settings.storage
        return f"read and written {storage.told(storage.queues)}"

    def _queue_service(self) -> QueueServiceClient:
        settings = self.parts.settings
        place = settings.storage.queues
        options: dict[str, Any] = {"retry_total": 0, "connection_verify": settings.ca_file or True}
        if is_url(place):
            credential = _Credential(self.parts.storage_identity)
            return QueueServiceClient(place, credential=credential, **options)
        return QueueServiceClient.from_connection_string(place, **options)

    # Network

    def _network(self) -> None:
        settings, step = self.parts.settings, self.examination.step
        ca_file = settings.ca_file
        login, login_port = settings.authority_host
        mail, mail_port = settings.imap_host, settings.imap_port
        step(
            f"network: {login}:{login_port}",
            lambda: reach.tls(login, login_port, ca_file, "microsoft_unavailable"),
        )
        step(
            f"network: {mail}:{mail_port}",
            lambda: reach.tls(mail, mail_port, ca_file, "imap_unavailable"),
        )
        if not settings.sending:
            self.examination.skip("SENDING is false", "network: SMTP")
            return
        kinds = {settings.smtp_host_of(kind): kind for kind in ("personal", "work")}
        for host, kind in kinds.items():
            step(f"network: {host}:{settings.smtp_port}", partial(self._smtp, host, kind))

    def _smtp(self, host: str, kind: str) -> str:
        reach.tcp(host, self.parts.settings.smtp_port, "smtp_unavailable")
        self.parts.smtp.greet(kind)
        return "STARTTLS"

    # Microsoft

    def _registration(self) -> str:
        """Redeems a code that Microsoft never gave: what it says first is about us."""
        microsoft, now = self.parts.microsoft, self.parts.now()
        _, flow = microsoft.start()
        try:
            microsoft.finish(flow, {"code": "doctor", "state": flow["state"]}, now)
        except (Rejected, ReconnectNeeded):
            return "client id, credential and redirect URI are known to Microsoft"
        except UnseenError as error:
            self._explain(error)
        raise TryAgain("microsoft_unavailable", "took a code that it never gave")

    def _explain(self, error: UnseenError) -> NoReturn:
        code = _REGISTRATION.get(error.detail, "")
        if not code:
            raise error
        redirect_uri = self.parts.settings.redirect_uri
        about = f", {redirect_uri}" if code == "redirect_uri_unknown" else ""
        raise OperatorFault(code, error.detail + about) from None


class _Credential:
    """The identity, as the SDK of queues wants it; what it may keep is little."""

    def __init__(self, identity: ManagedIdentity) -> None:
        self._identity = identity

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._identity.token(), int(time.time()))


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise tables.failure(error) from None
    except ValueError as error:  # of a connection string
        raise TryAgain("storage_unavailable", type(error).__name__) from None
