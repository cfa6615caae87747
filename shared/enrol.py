"""Enrol: from a proven identity to an account that is checked.

The order of writes: token, `state` and cursors, the event, the invitation that is used up, the
account row with a new claim, the queue message. A kill between any two leaves something that
signing in again, with the same link, completes.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import account_forms, events, imap, instants, prove
from shared.account_rows import APP_ONLY, Account
from shared.accounts import Accounts
from shared.claims import Claim, Claims
from shared.disconnect import Disconnect
from shared.endpoints import Endpoints
from shared.errors import Rejected, TryAgain
from shared.invitations import OPEN, Invitation, Invitations
from shared.ledger import Ledger
from shared.logs import Log, correlated
from shared.microsoft import SignIn, Token
from shared.outbox import Outbox
from shared.schedule import SLOW_RETRY_SECONDS
from shared.settings import Settings
from shared.token_store import StoredToken, TokenStore

log = Log(__name__)

_PURGE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of it. result: connected, checking or blocked; claim: of a check to make now."""

    account: Account
    result: str
    code: str = ""
    claim: Claim | None = None


class Enrol:
    """Makes accounts of identities, and accounts that were blocked active again."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        claims: Claims,
        tokens: TokenStore,
        outbox: Outbox,
        endpoints: Endpoints,
        disconnect: Disconnect,
        server: imap.Server,
        invitations: Invitations,
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._claims = claims
        self._tokens = tokens
        self._outbox = outbox
        self._endpoints = endpoints
        self._disconnect = disconnect
        self._server = server
        self._invitations = invitations

    def enrol(self, sign_in: SignIn, now: datetime, invitation: Invitation = OPEN) -> Enrolled:
        """Stores the token, proves the mailbox and writes the account.

        Raises Rejected, with nothing stored, where the invitation is for somebody else, or used
        up; TryAgain `still_removing` where the same account is still being removed.
        """
        identity = sign_in.identity
        invitation.check(identity)
        account_id = invitation.account_id(identity)
        self._invitations.check_unused(invitation, account_id)
        existing = self.existing(account_id)
        generation = secrets.token_hex(8)
        shard = self._accounts.shard_of(account_id)
        account = replace(
            account_forms.described(existing or first(account_id, shard, now), invitation.wanted),
            address=_address(invitation, sign_in, existing),
            shared_mailbox=invitation.shared_mailbox,
            delegate=identity.address if invitation.shared_mailbox else "",
            reference=invitation.reference,
            kind=identity.kind,
            tid=identity.tid,
            oid=identity.oid,
            generation=generation,
        )
        self._store(account, existing, sign_in.token)
        return self._conclude(account, existing, sign_in.token, now, invitation)

    def prove_again(
        self,
        account: Account,
        token: Token,
        address: str,
        now: datetime,
        invitation: Invitation = OPEN,
    ) -> Enrolled:
        """Tries the mailbox once more, under the address given; the account stays the same one."""
        self._invitations.check_unused(invitation, account.id)
        found = replace(account, address=address)
        return self._conclude(found, account, token, now, invitation)

    def adopt(
        self,
        account: Account,
        existing: Account | None,
        token: Token | None,
        code: str,
        now: datetime,
    ) -> Enrolled:
        """An account without a token of its own; where there is none at all, code says why."""
        account = replace(account, generation=secrets.token_hex(8))
        self._open(account, existing)
        if token is None:
            return self._settled(account, existing, "blocked", code, instants.NEVER, now, OPEN)
        return self._conclude(account, existing, token, now, OPEN)

    def existing(self, account_id: str) -> Account | None:
        existing = self._accounts.get(account_id)
        if existing and existing.deleted_at:
            if not self._disconnect.purge(existing, time.monotonic() + _PURGE_SECONDS):
                raise TryAgain("still_removing")
            self._accounts.drop(existing)
            return None
        return existing

    def _store(self, account: Account, existing: Account | None, token: Token) -> None:
        shard = self._accounts.shard_of(account.id)  # also where the account itself has not moved
        before = self._tokens.get(shard, account.id)
        self._tokens.put(
            StoredToken(
                account=account.id,
                shard=shard,
                generation=account.generation,
                cache=token.cache,
                expires_at=token.expires_at,
                rt_version=before.rt_version + 1 if before else 1,
            )
        )
        self._open(account, existing)

    def _open(self, account: Account, existing: Account | None) -> None:
        """A folder that was watched once, and not of late, begins anew."""
        if existing:
            self._outbox.drop_cursors(account.id, _names(account) - _names(existing))
        self._outbox.open(account.id, account.generation)
        for folder in account.folders:
            self._outbox.add_cursor(account.id, folder.name)

    def _conclude(
        self,
        account: Account,
        existing: Account | None,
        token: Token,
        now: datetime,
        invitation: Invitation,
    ) -> Enrolled:
        result, code = "connected", ""
        try:
            code = prove.mailbox(self._server, account.address, token.access_token)
            result = "blocked" if code else "connected"
        except TryAgain as error:
            log.warning("mailbox_not_proven", account=account.id, error=error)
            result = "checking"
        window = timedelta(minutes=self._settings.refresh_window_minutes)
        refresh_at = instants.due_text(token.expires_at - window)
        if account.kind == APP_ONLY:
            refresh_at = instants.NEVER
        return self._settled(account, existing, result, code, refresh_at, now, invitation)

    def _settled(
        self,
        account: Account,
        existing: Account | None,
        result: str,
        code: str,
        refresh_at: str,
        now: datetime,
        invitation: Invitation,
    ) -> Enrolled:
        status = "blocked" if code else "active"
        at = instants.text(now)
        account = replace(
            account,
            status=status,
            code=code,
            since=at,
            status_version=account.status_version + 1,
            failures=0,
            not_before="",
            next_refresh_at=refresh_at,
            next_attempt_at=at,
            next_check_at=instants.after(now, SLOW_RETRY_SECONDS) if code else at,
        )
        self._announce(account, existing, at)
        if not code:
            self._use(invitation, account, existing)
        claim = self._claims.write_claimed(account, now, existing)
        if claim is None:
            raise TryAgain("still_removing")
        if not code:
            self._invitations.done(invitation)
        if existing:
            self._outbox.drop_cursors(account.id, _names(existing) - _names(account))
        with correlated(claim.claim):
            log.info("connected", account=account.id, result=result, code=code)
        return Enrolled(account, result, code, claim)

    def _use(self, invitation: Invitation, account: Account, existing: Account | None) -> None:
        """Whoever finds that another was faster leaves nothing behind."""
        try:
            self._invitations.use(invitation, account.id)
        except Rejected:
            if existing is None:
                self._tokens.delete(account.shard, account.id)
                self._outbox.remove(account.id, "state", "cursor:", "owed:")
            raise

    def _announce(self, account: Account, existing: Account | None, now: str) -> None:
        """Into the outbox before the row; signing in again to an active account says nothing."""
        if existing is None:
            kind = events.ACCOUNT_CONNECTED
        elif existing.status != "active" and account.status == "active":
            kind = events.ACCOUNT_RESTORED
        elif existing.status != "blocked" and account.status == "blocked":
            kind = events.ACCOUNT_BLOCKED
        else:
            return
        if existing is None and self._outbox.holds(account.id, "type", kind):
            return  # an earlier sign-in told it and was killed before it wrote the row
        event = events.status_event(account, kind, account.status_version, now, code=account.code)
        Ledger(self._outbox, self._endpoints, account).record_once(event)


def _address(invitation: Invitation, sign_in: SignIn, existing: Account | None) -> str:
    """Of the mailbox; one that its owner gave by hand is kept where the token names none."""
    known = existing.address if existing else ""
    return invitation.shared_mailbox or sign_in.identity.address or known


def _names(account: Account) -> set[str]:
    return {folder.name for folder in account.folders}


def first(account_id: str, shard: str, now: datetime) -> Account:
    """The row of a mailbox that was not connected before.

    Its versions begin at the clock: after a removal, no id of an event is used a second time.
    """
    version = int(now.timestamp() * 1000)
    at = instants.text(now)
    return Account(id=account_id, shard=shard, connected_at=at, status_version=version)
