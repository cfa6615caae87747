"""Administrators' consents under way, in table `once`: a state for seven days, for one tenant.

Without a cookie, because the administrator is somebody else than who asked; so its return may do
no more than ask Microsoft for a token of that tenant.
"""

import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import ids, instants
from shared.once import CONSENT, TABLE
from shared.tables import Tables
from shared.vault import Vault

LIFE = timedelta(days=7)
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Consent:
    """The tenant that was asked, and until when its administrator may answer."""

    tid: str
    expires_at: str


class Consents:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault) -> None:
        self._tables = tables
        self._vault = vault

    def open(self, tid: str, now: datetime) -> str:
        """A new state for the tenant."""
        state = secrets.token_urlsafe(32)
        key = ids.sha256_hex(state)
        plain = json.dumps({"tid": tid}).encode()
        self._tables.insert(
            TABLE,
            {
                "PartitionKey": CONSENT,
                "RowKey": key,
                "expires_at": instants.after(now, LIFE.total_seconds()),
                "data": self._vault.seal(plain, TABLE, key, CONSENT),
            },
        )
        return state

    def find(self, state: str) -> Consent | None:
        """What the state is of; None for what is no state of this kind."""
        if not _STATE.match(state):
            return None
        key = ids.sha256_hex(state)
        row = self._tables.get(TABLE, CONSENT, key)
        if row is None:
            return None
        content = json.loads(self._vault.open(row["data"], TABLE, key, CONSENT))
        return Consent(content["tid"], row["expires_at"])
