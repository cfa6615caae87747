"""Short-lived one-time things in table `once`: kind / sha256 of the secret, with an expiry.

And, without expiry, what the app remembers of itself: the timer's heartbeat and counters.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import ids, instants
from shared.errors import Stale
from shared.tables import Delete, Insert, Merge, Row, Tables, Update, transactions
from shared.vault import Vault

TABLE = "once"
LOGIN = "login"
CONSENT = "consent"
INVITATION = "invitation"
RESULT = "result"
SUBMISSION = "submission"
APP = "app"
LOGIN_LIFE = timedelta(minutes=10)
_PURGED_AT_ONCE = 1000
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Login:
    """A login in progress, or what came of it.

    state: open, used, done. data: while open the MSAL flow, afterwards the outcome; encrypted at
    rest. cookie: hash of the browser's cookie. key: sha256 of the state, in hex.
    """

    key: str
    state: str
    cookie: str
    expires_at: str
    data: dict[str, Any]
    tries: int = 0
    etag: str = ""


class Once:
    """The store of logins; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault) -> None:
        self._tables = tables
        self._vault = vault

    def open_login(self, secret: str, cookie: str, data: dict[str, Any], now: datetime) -> None:
        """Keeps a login for ten minutes; its secret is stored only inside the sealed data."""
        expires = instants.after(now, LOGIN_LIFE.total_seconds())
        login = Login(ids.sha256_hex(secret), "open", ids.sha256_hex(cookie), expires, data)
        fields = self._fields(login)
        try:
            self._tables.insert(TABLE, fields)
        except Stale:
            self._own(fields)

    def are_logins_full(self, limit: int, now: datetime) -> bool:
        """Whether so many logins are open; those that were used or have expired don't count."""
        rows = self._tables.query(
            TABLE,
            ("PartitionKey", "eq", LOGIN),
            ("state", "eq", "open"),
            ("expires_at", "gt", instants.text(now)),
            select=("state",),
            limit=limit,
        )
        return len(rows) >= limit

    def login(self, key: str) -> Login | None:
        row = self._tables.get(TABLE, LOGIN, key)
        if row is None:
            return None
        plain = self._vault.open(row["data"], TABLE, key, LOGIN)
        return Login(
            key=key,
            state=row["state"],
            cookie=row["cookie"],
            expires_at=row["expires_at"],
            data=json.loads(plain),
            tries=row["tries"],
            etag=row.etag,
        )

    def change(self, login: Login) -> str:
        """Writes the login under its ETag, gives the new one; raises Stale: another was first."""
        fields = self._fields(login)
        try:
            return self._tables.update(TABLE, fields, login.etag)
        except Stale:
            return self._own(fields)

    def _own(self, fields: dict[str, Any]) -> str:
        """The ETag of our own write whose answer got lost; raises Stale where it is another's.

        No two sealed values are alike.
        """
        row = self._tables.get(TABLE, LOGIN, fields["RowKey"])
        if row is None or row["data"] != fields["data"]:
            raise Stale(TABLE)
        return row.etag

    def purge(self, now: datetime) -> int:
        """Removes what has expired and gives the number; what another purge took is fine."""
        kinds = (LOGIN, CONSENT, INVITATION, RESULT, SUBMISSION)
        return sum(self._purge(kind, now) for kind in kinds)

    def _purge(self, kind: str, now: datetime) -> int:
        rows = self._tables.query(
            TABLE,
            ("PartitionKey", "eq", kind),
            ("expires_at", "lt", instants.text(now)),
            select=("expires_at",),
            limit=_PURGED_AT_ONCE,
        )
        gone = 0
        for batch in transactions([Delete(*row.key, row.etag)] for row in rows):
            try:
                self._tables.transact(TABLE, batch)
                gone += len(batch)
            except Stale:
                continue  # the next tick meets what is left
        return gone

    def resealed(self, row: Row) -> Update | None:
        """The row under the newest key; None where it is already, or holds nothing sealed."""
        sealed = row.get("data", b"")
        if self._vault.is_current(sealed):
            return None
        place = (TABLE, row["RowKey"], row["PartitionKey"])
        anew = self._vault.seal(self._vault.open(sealed, *place), *place)
        return Update({**_key(row), "data": anew}, row.etag)

    # The app's own rows, without expiry

    def beat(self, now: datetime, **seen: str | int) -> None:
        """The timer's heartbeat: when it last ran and what it saw."""
        self._tables.transact(TABLE, [_heartbeat(at=instants.text(now), **seen)])

    def heartbeat(self) -> Row | None:
        """What the timer saw last, and what the app's circuit says besides."""
        return self._tables.get(TABLE, APP, "heartbeat")

    def change_heartbeat(self, found: Row | None, **fields: str | int) -> None:
        """Writes columns over what was found; raises Stale where another was first."""
        row = {"PartitionKey": APP, "RowKey": "heartbeat", **fields}
        self._tables.transact(TABLE, [Insert(row) if found is None else Update(row, found.etag)])

    def circuit(self) -> Row | None:
        """The app's circuit, if it was ever open; see `shared.app_circuit`."""
        return self._tables.get(TABLE, APP, "circuit")

    def change_circuit(self, found: Row | None, **fields: str | int) -> None:
        """Writes the circuit over what was found; raises Stale where another was first.

        The heartbeat says with it what is wrong, so that health reads one row.
        """
        row = {"PartitionKey": APP, "RowKey": "circuit", **fields}
        write = Insert(row) if found is None else Update(row, found.etag)
        alarm = {"alarm": fields.get("code", ""), "alarm_since": fields.get("since", "")}
        changes_state = "code" in fields or not fields["probe_at"]
        self._tables.transact(TABLE, [write, *([_heartbeat(**alarm)] if changes_state else [])])

    def count(self, name: str) -> None:
        """Adds one to a counter of the app."""
        for _ in range(_ROUNDS):
            row = self._tables.get(TABLE, APP, name)
            fields = {"PartitionKey": APP, "RowKey": name, "count": row["count"] + 1 if row else 1}
            try:
                if row:
                    self._tables.update(TABLE, fields, row.etag)
                else:
                    self._tables.insert(TABLE, fields)
            except Stale:
                continue
            return

    def counted(self, name: str) -> int:
        row = self._tables.get(TABLE, APP, name)
        return int(row["count"]) if row else 0

    def _fields(self, login: Login) -> dict[str, Any]:
        plain = json.dumps(login.data).encode()
        return {
            "PartitionKey": LOGIN,
            "RowKey": login.key,
            "state": login.state,
            "cookie": login.cookie,
            "expires_at": login.expires_at,
            "tries": login.tries,
            "data": self._vault.seal(plain, TABLE, login.key, LOGIN),
        }


def _heartbeat(**fields: str | int) -> Merge:
    return Merge({"PartitionKey": APP, "RowKey": "heartbeat", **fields})


def _key(row: Row) -> dict[str, Any]:
    return {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
