"""The stored tokens: one MSAL cache per account, encrypted, saved under its ETag.

Microsoft replaces the refresh token at every use, so a stored one never goes back to an older
one: `rt_version` counts the answers of the token endpoint, and a save that meets a higher one
keeps what is stored. Only the callback inserts; everything else updates.

Whoever asks Microsoft for a new one holds the row's lease meanwhile. A lease is a courtesy with an
end, which spares a refresh token from being used twice; what may be stored, the version decides.
"""

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared import instants
from shared.errors import Stale, TryAgain, UnseenError
from shared.microsoft import Token
from shared.shards import Shards
from shared.tables import Row, Tables, Update, key_range
from shared.vault import Vault

TABLE = "tokens"
TENANT = "tenant"  # partition of those that the application has in its own name, by tenant id
LEASE_SECONDS = 30
_CHUNK_BYTES = 60 * 1024
_ROUNDS = 4
_POINT_READS = 4


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An account's cache as stored; expires_at is that of its access token.

    lease_until: until when a run asks Microsoft with it. hold_until: before that, Microsoft does
    not want to be asked.
    """

    account: str
    shard: str
    generation: str
    cache: bytes = field(repr=False)
    expires_at: datetime
    rt_version: int = 1
    lease_until: str = ""
    hold_until: str = ""
    etag: str = ""

    def raise_if_taken(self, now: datetime) -> None:
        """Raises TryAgain while nobody else may ask Microsoft with it.

        A lease longer than leases are was written by a clock that is wrong: it counts for nothing.
        """
        at = instants.text(now)
        if self.hold_until > at:
            wait = (instants.parse(self.hold_until) - now).total_seconds()
            raise TryAgain("microsoft_unavailable", "asked to wait", retry_after_seconds=wait)
        if at < self.lease_until <= instants.after(now, LEASE_SECONDS):
            raise TryAgain("token_busy")


class TokenStore:
    """The store; safe to share between threads."""

    def __init__(self, tables: Tables, vault: Vault, shards: Shards) -> None:
        self._tables = tables
        self._vault = vault
        self._shards = shards

    def get(self, shard: str, account: str, generation: str = "") -> StoredToken | None:
        """What is stored; of two rows, as there may be while accounts are moved, the later answer.

        generation: of the account; a row of it comes before one of another.
        """
        row = self._row(shard, account, generation)
        return self.open(row) if row else None

    def _row(self, shard: str, account: str, generation: str) -> Row | None:
        """Of two that are alike the former: while it is there, the other is a copy of it."""
        found = [self._tables.get(TABLE, place, account) for place in self._places(shard, account)]
        rows = [row for row in found if row]
        return max(
            rows, key=lambda row: (row["generation"] == generation, row["rt_version"]), default=None
        )

    def _places(self, shard: str, account: str) -> tuple[str, ...]:
        return (TENANT,) if shard == TENANT else self._shards.places(account)

    def rows(self, shard: str, accounts: Sequence[str]) -> dict[str, Row]:
        """The sealed rows of a batch: a few by key, many by one range query.

        None while accounts are moved: a row of the same shard may not be the one that counts.
        """
        if not accounts or self._shards.moving:
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
            lease_until=row.get("lease_until", ""),
            hold_until=row.get("hold_until", ""),
            etag=row.etag,
        )

    def open_some(self, shard: str, limit: int) -> int:
        """Opens so many of the shard's rows at most, and gives their number; raises as `open`."""
        rows = self._tables.query(TABLE, ("PartitionKey", "eq", shard), limit=limit)
        return len([self.open(row) for row in rows])

    def put(self, token: StoredToken) -> None:
        """Writes the whole row: a sign-in replaces whatever was stored before."""
        self._tables.put(TABLE, self._fields(token))

    def take(self, stored: StoredToken, now: datetime) -> StoredToken:
        """Leases the row for as long as an answer of Microsoft may take.

        Where another run stored a later answer meanwhile, that one is given, and no lease taken.
        Raises TryAgain where another run has the lease, and Stale where the account is gone or was
        connected anew.
        """
        lease, until = secrets.token_hex(8), instants.after(now, LEASE_SECONDS)
        wanted = stored
        for _ in range(_ROUNDS):
            wanted.raise_if_taken(now)
            fields = {**_key(wanted), "lease": lease, "lease_until": until}
            try:
                etag = self._tables.update(TABLE, fields, wanted.etag)
                return replace(wanted, lease_until=until, etag=etag)
            except Stale:
                row = self._row(stored.shard, stored.account, stored.generation)
                if row is None or row["generation"] != stored.generation:
                    raise
                found = self.open(row)
                if found.rt_version > stored.rt_version or row.get("lease") == lease:
                    return found  # the latter: our own write, whose answer got lost
                wanted = found
        raise TryAgain("stale", TABLE)

    def release(self, leased: StoredToken, hold_until: str = "") -> None:
        """Ends the lease of a row that nothing was saved to; where that fails, it ends by itself.

        hold_until: until when nobody may ask with it again.
        """
        fields = {**_key(leased), "lease": "", "lease_until": "", "hold_until": hold_until}
        with contextlib.suppress(UnseenError):
            self._tables.update(TABLE, fields, leased.etag)

    def save(self, stored: StoredToken, fresh: Token) -> StoredToken:
        """Stores what Microsoft answered to the stored cache, before anything uses it.

        Raises Stale where the account is gone or was connected anew: the answer is dropped then.
        Where another run stored a later answer, that one stays and is given. Where the row was
        moved to another shard meanwhile, the answer goes there.
        """
        wanted = replace(
            stored,
            cache=fresh.cache,
            expires_at=fresh.expires_at,
            rt_version=stored.rt_version + 1,
            lease_until="",
            hold_until="",
        )
        etag = stored.etag
        for _ in range(_ROUNDS):
            try:
                update = Update(self._fields(wanted), etag, replace=True)
                return replace(wanted, etag=self._tables.transact(TABLE, [update])[0])
            except Stale:
                now = self.get(stored.shard, stored.account, stored.generation)
                if now is None or now.generation != stored.generation:
                    raise
                if now.rt_version > stored.rt_version:
                    return now
                wanted, etag = replace(wanted, shard=now.shard), now.etag
        raise TryAgain("stale", TABLE)

    def resealed(self, row: Row) -> Update | None:
        """The row under the newest key; None where it is already. Raises as `open` does."""
        if self._vault.is_current(row.get("cache0", b"")):
            return None
        # The chunks of before go, however many there were.
        kept = {name: value for name, value in row.items() if not name.startswith("cache")}
        return Update(kept | self._fields(self.open(row)), row.etag, replace=True)

    def delete(self, shard: str, account: str) -> None:
        for place in self._places(shard, account):
            self._tables.delete(TABLE, place, account)

    def _fields(self, token: StoredToken) -> dict[str, Any]:
        sealed = self._vault.seal(token.cache, TABLE, token.account, "cache")
        chunks = [sealed[at : at + _CHUNK_BYTES] for at in range(0, len(sealed), _CHUNK_BYTES)]
        return {
            **_key(token),
            "generation": token.generation,
            "expires_at": instants.text(token.expires_at),
            "rt_version": token.rt_version,
            "lease": "",
            "lease_until": token.lease_until,
            "hold_until": token.hold_until,
            "key_id": self._vault.key_id,
            "chunks": len(chunks),
            **{f"cache{number}": chunk for number, chunk in enumerate(chunks)},
        }


def _key(token: StoredToken) -> dict[str, str]:
    return {"PartitionKey": token.shard, "RowKey": token.account}
