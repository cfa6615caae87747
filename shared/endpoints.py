"""Endpoints: where webhooks go, which events each takes, and how each stands.

Table `endpoints`. URL, secrets, headers and filter are encrypted; the rest says how it stands. The
endpoint that WEBHOOK_URL and WEBHOOK_SECRET name has a fixed id and, here, only its standing.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared import filters, ids, instants
from shared.circuit import Circuit
from shared.errors import Rejected, Stale, TryAgain
from shared.filters import Subject
from shared.settings import Settings
from shared.tables import Insert, Row, Tables, Update
from shared.vault import Vault

TABLE = "endpoints"
_PARTITION = "endpoint"
_ROUNDS = 6
_REMEMBERED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Secret:
    """key: what signs. until: '' for the current one, else when it stops to sign."""

    key: bytes = field(repr=False)
    until: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    types, filter: what it takes, see `shared.filters`; no types are all. common: whether it takes
    from accounts that don't name it. disabled: '' or the code of why it gets nothing.
    """

    id: str
    url: str = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    description: str = ""
    types: tuple[str, ...] = ()
    filter: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    common: bool = True
    disabled: str = ""
    disabled_at: str = ""
    enabled_at: str = ""
    created_at: str = ""
    circuit: Circuit = field(default_factory=Circuit)
    leased_until: str = ""
    etag: str = ""

    @property
    def is_of_settings(self) -> bool:
        return self.id == ids.SETTINGS_ENDPOINT

    def signing(self, now: datetime) -> list[bytes]:
        """The keys that sign now, newest first."""
        at = instants.text(now)
        return [secret.key for secret in self.secrets if not secret.until or secret.until > at]


class Endpoints:
    """The store; safe to share between threads. What it read is remembered for 5 s."""

    def __init__(self, tables: Tables, vault: Vault, settings: Settings) -> None:
        self._tables = tables
        self._vault = vault
        own = Secret(settings.webhook_secret)
        self._own = Endpoint(ids.SETTINGS_ENDPOINT, settings.webhook_url, (own,))
        self._lock = threading.Lock()
        self._known: dict[str, Endpoint] = {}
        self._known_until = 0.0

    def all(self) -> dict[str, Endpoint]:
        """All endpoints by id, the settings' one among them."""
        with self._lock:
            if time.monotonic() >= self._known_until:
                rows = self._tables.query(TABLE, ("PartitionKey", "eq", _PARTITION))
                found = [self._endpoint(row) for row in rows]
                self._known = {self._own.id: self._own} | {one.id: one for one in found}
                self._known_until = time.monotonic() + _REMEMBERED_SECONDS
            return dict(self._known)

    def get(self, endpoint_id: str) -> Endpoint | None:
        return self.all().get(endpoint_id)

    def confirmed(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint, read anew where by what is remembered it would get nothing.

        One that was made a second ago would lose its first events, and what waits for one that
        was just enabled would wait for long.
        """
        found = self.get(endpoint_id)
        if found and not found.disabled:
            return found
        try:
            return self.change(endpoint_id, lambda row: row)
        except Rejected:
            return None

    def takers(self, only: Sequence[str], common: bool, subject: Subject) -> list[Endpoint]:
        """Those that take the event as far as type and account say.

        only: ids that the account names for itself. common: whether the common ones get it too.
        """
        return [
            one
            for one in self.all().values()
            if (one.id in only or (common and one.common))
            and filters.takes(one.types, one.filter, subject)
        ]

    def insert(self, new: Endpoint) -> None:
        self._tables.insert(TABLE, self._fields(new))
        self._forget()

    def change(self, endpoint_id: str, work: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Writes what `work` makes of the endpoint as it is stored now, and gives that.

        Where it makes nothing new of it, nothing is written. Raises Rejected `endpoint_unknown`.
        """
        for _ in range(_ROUNDS):
            now = self._read(endpoint_id)
            wanted = work(now)
            if wanted == now:
                self._remember(now)
                return now
            fields = self._fields(wanted)
            step = Update(fields, now.etag, replace=True) if now.etag else Insert(fields)
            try:
                etag = self._tables.transact(TABLE, [step])[0]
            except Stale:
                continue
            written = replace(wanted, etag=etag)
            self._remember(written)
            return written
        raise TryAgain("stale", TABLE)

    def delete(self, endpoint_id: str) -> None:
        """Removes it, and with it what it was owed; raises Rejected `endpoint_unknown`."""
        self._read(endpoint_id)
        self._tables.delete(TABLE, _PARTITION, endpoint_id)
        self._forget()

    def resealed(self, row: Row) -> Update | None:
        """The row under the newest key; None where it is already, or is the settings' one."""
        sealed = row.get("sealed", b"")
        if self._vault.is_current(sealed):
            return None
        place = (TABLE, row["RowKey"], "endpoint")
        anew = self._vault.seal(self._vault.open(sealed, *place), *place)
        key = {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
        return Update(key | {"sealed": anew}, row.etag)

    def _remember(self, one: Endpoint) -> None:
        with self._lock:
            self._known[one.id] = one

    def _forget(self) -> None:
        with self._lock:
            self._known_until = 0.0

    def _read(self, endpoint_id: str) -> Endpoint:
        row = self._tables.get(TABLE, _PARTITION, endpoint_id)
        if row:
            return self._endpoint(row)
        if endpoint_id == self._own.id:
            return self._own
        raise Rejected("endpoint_unknown", status=404)

    # Rows

    def _endpoint(self, row: Row) -> Endpoint:
        standing = {name: row[name] for name in _STANDING}
        circuit = Circuit(row["failing_since"], row["probes"], row["probe_at"])
        if row["RowKey"] == self._own.id:
            return replace(self._own, **standing, circuit=circuit, etag=row.etag)
        plain = self._vault.open(row["sealed"], TABLE, row["RowKey"], "endpoint")
        private = json.loads(plain)
        return Endpoint(
            id=row["RowKey"],
            url=private["url"],
            secrets=tuple(Secret(base64.b64decode(k), until) for k, until in private["secrets"]),
            filter=private["filter"],
            headers=private["headers"],
            description=row["description"],
            types=tuple(json.loads(row["types"])),
            common=row["common"],
            created_at=row["created_at"],
            **standing,
            circuit=circuit,
            etag=row.etag,
        )

    def _fields(self, endpoint: Endpoint) -> dict[str, Any]:
        standing = {name: getattr(endpoint, name) for name in _STANDING} | {
            "PartitionKey": _PARTITION,
            "RowKey": endpoint.id,
            "failing_since": endpoint.circuit.failing_since,
            "probes": endpoint.circuit.probes,
            "probe_at": endpoint.circuit.probe_at,
        }
        if endpoint.is_of_settings:
            return standing
        private = {
            "url": endpoint.url,
            "secrets": [[base64.b64encode(s.key).decode(), s.until] for s in endpoint.secrets],
            "filter": dict(endpoint.filter),
            "headers": dict(endpoint.headers),
        }
        plain = json.dumps(private).encode()
        return standing | {
            "sealed": self._vault.seal(plain, TABLE, endpoint.id, "endpoint"),
            "description": endpoint.description,
            "types": json.dumps(endpoint.types),
            "common": endpoint.common,
            "created_at": endpoint.created_at,
        }


_STANDING = ("disabled", "disabled_at", "enabled_at", "leased_until")
