"""Invitations: who may connect a mailbox, for whom, and where its mail goes.

All of an invitation is in its link, sealed: nothing is stored until a mailbox is connected by it.
Then a row of `once` says by which account it is used up; the row is `done` once that account's
own is written, so that what a kill leaves can be completed with the same link.
"""

import base64
import binascii
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shared import ids, instants, invitation_forms
from shared.account_rows import Account, Folder
from shared.accounts import Accounts
from shared.endpoints import Endpoints
from shared.errors import OperatorFault, Rejected, Stale, TryAgain
from shared.id_token import Identity
from shared.invitation_forms import ANY, WORK, normal
from shared.logs import Log
from shared.once import INVITATION, LOGIN_LIFE, TABLE
from shared.settings import Settings
from shared.tables import Row, Tables
from shared.vault import Vault

log = Log(__name__)

_PLACE = (TABLE, "", INVITATION)
_RECONNECT = timedelta(days=30)
# The host takes 8 KiB of a request's line; `web` takes 16 KiB of a form.
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,6000}\Z")
_OF_ACCOUNT = ("labels", "folders", "start", "endpoint_id")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a login is for. id: '' in open connect, where nothing is used up.

    expected_address, or expected_tid and expected_oid: who has to sign in. wanted: what the
    account gets, as `account_forms.described` takes it; what was not said is not there.
    """

    id: str = ""
    expires_at: str = instants.NEVER
    reference: str = ""
    return_url: str = ""
    login_hint: str = ""
    kind: str = ANY
    shared_mailbox: str = ""
    expected_address: str = ""
    expected_tid: str = ""
    expected_oid: str = ""
    wanted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stored(self) -> dict[str, Any]:
        """As JSON can say it; `of_stored` is the way back."""
        wanted = dict(self.wanted)
        if "folders" in wanted:
            wanted["folders"] = [folder.name for folder in wanted["folders"]]
        return asdict(replace(self, wanted=wanted))

    @property
    def keeps_the_address(self) -> bool:
        """Whether nobody may try another address for the mailbox."""
        return bool(self.expected_address or self.shared_mailbox)

    def account_id(self, who: Identity) -> str:
        return ids.account_id(who.tid, who.oid, self.reference, mailbox=self.shared_mailbox)

    def check(self, who: Identity) -> None:
        """Raises Rejected where somebody else signed in than it is for."""
        if self.kind not in {ANY, who.kind}:
            raise Rejected("wrong_kind_of_account")
        if self.expected_address and normal(self.expected_address) != normal(who.username):
            raise Rejected("wrong_account", "expected_address")
        pinned = self.expected_tid, self.expected_oid
        if any(pinned) and pinned != (who.tid, who.oid):
            raise Rejected("wrong_account", "expected_account")


OPEN = Invitation()


def of_stored(stored: Mapping[str, Any]) -> Invitation:
    wanted = dict(stored["wanted"])
    for name, read in (("folders", lambda one: tuple(map(Folder, one))), ("labels", tuple)):
        if name in wanted:
            wanted[name] = read(wanted[name])
    return Invitation(**{**stored, "wanted": wanted})


class Invitations:
    """Makes links, opens them, and remembers which are used up."""

    def __init__(
        self,
        settings: Settings,
        tables: Tables,
        vault: Vault,
        accounts: Accounts,
        endpoints: Endpoints,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._vault = vault
        self._accounts = accounts
        self._endpoints = endpoints

    # Links

    def create(self, body: Any, now: datetime) -> dict[str, Any]:
        """An invitation as the API gives it; raises Rejected `field_invalid` with the field.

        body: reference, return_url, labels, login_hint, expected_address or expected_account,
        endpoint_id, folders, kind, shared_mailbox, start, expires_in_seconds; none is required.
        """
        wanted = invitation_forms.read(body, self._endpoints.all(), self._settings)
        expires_at = instants.after(now, wanted.pop("expires_in_seconds"))
        expected = self._expected(wanted.pop("expected_account", None))
        of_account = {name: wanted.pop(name) for name in _OF_ACCOUNT if name in wanted}
        said = {"login_hint": wanted.get("expected_address", "")} | wanted
        if "shared_mailbox" in said:
            said["kind"] = WORK
        made = Invitation(
            **said, **expected, id=secrets.token_hex(16), expires_at=expires_at, wanted=of_account
        )
        token = self._token(made)
        if not TOKEN.match(token):
            raise Rejected("field_invalid", max(body, key=lambda name: len(str(body[name]))))
        return {
            "url": self._url(token),
            "expires_at": made.expires_at,
            "reference": made.reference,
            "return_url": made.return_url,
            "kind": made.kind,
        }

    def reconnect_url(self, account: Account, version: int, now: datetime) -> str:
        """Where its owner, and nobody else, signs in again; used up once for each time it stops.

        version: the status version that says so.
        """
        return self._url(
            self._token(
                Invitation(
                    id=f"{account.id}:{version}",
                    expires_at=instants.after(now, _RECONNECT.total_seconds()),
                    reference=account.reference,
                    login_hint="" if account.shared_mailbox else account.address,
                    kind=account.kind,
                    shared_mailbox=account.shared_mailbox,
                    expected_tid=account.tid,
                    expected_oid=account.oid,
                )
            )
        )

    def opened(self, token: str, now: datetime) -> Invitation:
        """The invitation of a link; raises Rejected for what is not, or no longer, one."""
        found = self._unsealed(token)
        if found.expires_at <= instants.text(now):
            raise Rejected("invitation_expired", status=410)
        own = found.wanted.get("endpoint_id")
        if own and own not in self._endpoints.all():
            raise Rejected("invitation_invalid", "endpoint_id")
        used = self._used(found)
        if used and used["state"] == "done":
            raise Rejected("invitation_used", status=409)
        return found

    def _expected(self, account_id: str | None) -> dict[str, str]:
        if account_id is None:
            return {}
        account = self._accounts.get(account_id) if ids.ACCOUNT_ID.match(account_id) else None
        if account is None or account.deleted_at or not account.oid:
            raise Rejected("field_invalid", "expected_account")
        return {"expected_tid": account.tid, "expected_oid": account.oid}

    def _url(self, token: str) -> str:
        return f"{self._settings.public_base_url}/api/login?{urlencode({'invitation': token})}"

    def _token(self, invitation: Invitation) -> str:
        plain = zlib.compress(json.dumps(invitation.stored, ensure_ascii=False).encode())
        sealed = self._vault.seal(plain, *_PLACE)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _unsealed(self, token: str) -> Invitation:
        try:
            if not TOKEN.match(token):
                raise ValueError
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            # The last character has bits that nothing is read from.
            if base64.urlsafe_b64encode(sealed).decode().rstrip("=") != token:
                raise ValueError
            plain = self._vault.open(sealed, *_PLACE)
        except (binascii.Error, ValueError, OperatorFault):
            raise Rejected("invitation_invalid") from None
        return of_stored(json.loads(zlib.decompress(plain)))

    # Used up

    def check_unused(self, invitation: Invitation, account_id: str) -> None:
        """Raises Rejected where another account used it up."""
        used = self._used(invitation)
        if used and used["account"] != account_id:
            raise Rejected("invitation_used", status=409)

    def use(self, invitation: Invitation, account_id: str) -> None:
        """Uses it up for the account; raises Rejected where another was faster."""
        if not invitation.id:
            return
        # A login that began in time may end a little later.
        expires = instants.parse(invitation.expires_at) + 2 * LOGIN_LIFE
        row = {
            **_key(invitation),
            "account": account_id,
            "state": "used",
            "expires_at": instants.text(expires),
        }
        try:
            self._tables.insert(TABLE, row)
        except Stale:
            self.check_unused(invitation, account_id)

    def done(self, invitation: Invitation) -> None:
        """Closes the link; the account is connected, so that a failure here is none."""
        try:
            used = self._used(invitation)
            if used:
                self._tables.update(TABLE, {**_key(invitation), "state": "done"}, used.etag)
        except (Stale, TryAgain):
            log.warning("invitation_not_closed")

    def _used(self, invitation: Invitation) -> Row | None:
        if not invitation.id:
            return None
        key = _key(invitation)
        return self._tables.get(TABLE, key["PartitionKey"], key["RowKey"])


def _key(invitation: Invitation) -> dict[str, str]:
    return {"PartitionKey": INVITATION, "RowKey": ids.sha256_hex(invitation.id)}
