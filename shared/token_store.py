"""The stored tokens: one MSAL cache per account, encrypted, saved under its ETag.

Microsoft replaces the refresh token at every use, so a stored one never goes back to an older
one: `rt_version` counts the answers of the token endpoint, and a save that meets a higher one
keeps what is stored. Only the callback inserts; everything else updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared import instants
from shared.errors import Stale, TryAgain
from shared.microsoft import Token
from shared.tables import Row, Tables, Update, key_range
from shared.vault import Vault

TABLE = "tokens"
TENANT = "tenant"  # partition of those that the application has in its own name, by tenant id
_CHUNK_BYTES = 60 * 1024
_ROUNDS = 4
_POINT_READS = 4


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An account's cache as stored; expires_at is that of its access token."""

    account: str
    shard: str
    generation: str
    cache: bytes = field(repr=False)
    expires_at: datetime
    rt_version: int = 1
    etag: str = ""


class TokenStore:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault) -> None:
        self._tables = tables
        self._vault = vault

    def get(self, shard: str, account: str) -> StoredToken | None:
        row = self._tables.get(TABLE, shard, account)
        return self.open(row) if row else None

    def rows(self, shard: str, accounts: Sequence[str]) -> dict[str, Row]:
        """The sealed rows of a batch: a few by key, many by one range query."""
        if not accounts:
            return {}
        if len(accounts) <= _POINT_READS:
            found = [self._tables.get(TABLE, shard, account) for account in accounts]
        else:
            ordered = sorted(accounts)
            found = list(self._tables.query(TABLE, *key_range(shard, ordered[0], ordered[-1])))
        wanted = set(accounts)
        return {row["RowKey"]: row for row in found if row and row["RowKey"] in wanted}

    def open(self, row: Row) -> StoredToken:
        """Decrypts; raises OperatorFault where the key is unknown or the row does not fit."""
        sealed = b"".join(row.get(f"cache{number}", b"") for number in range(row["chunks"]))
        return StoredToken(
            account=row["RowKey"],
            shard=row["PartitionKey"],
            generation=row["generation"],
            cache=self._vault.open(sealed, TABLE, row["RowKey"], "cache"),
            expires_at=instants.parse(row["expires_at"]),
            rt_version=row["rt_version"],
            etag=row.etag,
        )

    def put(self, token: StoredToken) -> None:
        """Writes the whole row: a sign-in replaces whatever was stored before."""
        self._tables.put(TABLE, self._fields(token))

    def save(self, stored: StoredToken, fresh: Token) -> StoredToken:
        """Stores what Microsoft answered to the stored cache, before anything uses it.

        Raises Stale where the account is gone or was connected anew: the answer is dropped then.
        Where another run stored a later answer, that one stays and is given.
        """
        wanted = replace(
            stored,
            cache=fresh.cache,
            expires_at=fresh.expires_at,
            rt_version=stored.rt_version + 1,
        )
        etag = stored.etag
        for _ in range(_ROUNDS):
            try:
                update = Update(self._fields(wanted), etag, replace=True)
                return replace(wanted, etag=self._tables.transact(TABLE, [update])[0])
            except Stale:
                now = self.get(stored.shard, stored.account)
                if now is None or now.generation != stored.generation:
                    raise
                if now.rt_version > stored.rt_version:
                    return now
                etag = now.etag
        raise TryAgain("stale", TABLE)

    def resealed(self, row: Row) -> Update | None:
        """The row under the newest key; None where it is already. Raises as `open` does."""
        if self._vault.is_current(row.get("cache0", b"")):
            return None
        # The chunks of before go, however many there were.
        kept = {name: value for name, value in row.items() if not name.startswith("cache")}
        return Update(kept | self._fields(self.open(row)), row.etag, replace=True)

    def delete(self, shard: str, account: str) -> None:
        self._tables.delete(TABLE, shard, account)

    def _fields(self, token: StoredToken) -> dict[str, Any]:
        sealed = self._vault.seal(token.cache, TABLE, token.account, "cache")
        chunks = [sealed[at : at + _CHUNK_BYTES] for at in range(0, len(sealed), _CHUNK_BYTES)]
        return {
            "PartitionKey": token.shard,
            "RowKey": token.account,
            "generation": token.generation,
            "expires_at": instants.text(token.expires_at),
            "rt_version": token.rt_version,
            "key_id": self._vault.key_id,
            "chunks": len(chunks),
            **{f"cache{number}": chunk for number, chunk in enumerate(chunks)},
        }
