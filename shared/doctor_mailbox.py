"""The doctor's look at one connected mailbox: the steps of a check, one by one, and of sending.

It reads as a check does, and changes nothing besides what renewing a token does: that goes under
the token's lease, so that a run which is at work is not disturbed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shared import imap, instants
from shared.account_rows import Account
from shared.connector import Connector
from shared.directory import known_form
from shared.errors import Blocked, ReconnectNeeded, Rejected, TryAgain
from shared.findings import Examination
from shared.imap_errors import TokenRefused
from shared.prove import INBOX
from shared.reader import Reader
from shared.smtp import Smtp

_SECONDS = 15
_READING = ("IMAP TLS", "AUTHENTICATE", "STATUS", "EXAMINE", "UNSEEN")
_SENDING = "SMTP AUTH"


@dataclass(frozen=True, slots=True)
class DoctorOfAMailbox:
    """Looks at the account with this id."""

    parts: Connector
    account_id: str
    examination: Examination

    def examine(self) -> None:
        found: list[Account] = []
        self.examination.step("account", lambda: self._account(found))
        if not found:
            self._skip("needs the account")
        elif found[0].status == "reconnect_required":
            self._skip("its owner has to sign in again first")
        else:
            self._mailbox(found[0])

    def _skip(self, why: str) -> None:
        self.examination.skip(why, "token", *_READING, _SENDING)

    def _account(self, found: list[Account]) -> str:
        """How it stands; one that is blocked is looked at all the same."""
        account = self.parts.accounts.get(known_form(self.account_id))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        found.append(account)
        if account.status == "reconnect_required":
            raise ReconnectNeeded(account.code, f"since {account.since}")
        if account.status == "blocked":
            raise Blocked(account.code, f"since {account.since}")
        running = account.claim and account.next_due_at > instants.text(self.parts.now())
        held = f", a run holds it until {account.next_due_at}" if running else ""
        return f"{account.status}, last read {account.last_success_at or 'never'}{held}"

    def _mailbox(self, account: Account) -> None:
        parts = self.parts
        with Reader(account, parts.server, parts.renewal, parts.now, _SECONDS) as reader:
            if not self.examination.step("token", lambda: _good_until(reader)):
                self.examination.skip("needs the token", *_READING, _SENDING)
                return
            self._read(account, reader)
            self._send(account, reader.token().access_token)

    def _read(self, account: Account, reader: Reader) -> None:
        """Each step needs the one before it."""
        folder = account.folders[0].name if account.folders else INBOX
        statuses: list[imap.FolderStatus] = []

        def unseen() -> str:
            status = statuses[-1]
            found = reader.session().unseen(1, max(status.uidnext - 1, 0), status.exists)
            return f"{len(found)} unseen"

        works: tuple[Callable[[], object], ...] = (
            lambda: imap.greet(self.parts.server, _SECONDS),
            reader.session,
            lambda: reader.session().status(folder),
            lambda: statuses.append(reader.session().examine(folder)),
            unseen,
        )
        for done, (name, work) in enumerate(zip(_READING, works, strict=True), start=1):
            if not self.examination.step(name, partial(_said, work)):
                self.examination.skip(f"needs {name}", *_READING[done:])
                return

    def _send(self, account: Account, token: str) -> None:
        if not self.parts.settings.sending:
            self.examination.skip("SENDING is false", _SENDING)
            return
        smtp = Smtp(self.parts.settings, _SECONDS)

        def sign_in() -> str:
            try:
                smtp.sign_in(account.kind, account.smtp_login, token)
            except TokenRefused:
                raise Blocked("smtp_denied") from None
            return ""

        self.examination.step(_SENDING, sign_in)


def _good_until(reader: Reader) -> str:
    return f"good until {instants.text(reader.token().expires_at)}"


def _said(work: Callable[[], object]) -> str:
    """What a step gives, where it is a text; a session that died with its token is one fault."""
    try:
        found = work()
    except TokenRefused:
        raise TryAgain("imap_unavailable", "authentication lost") from None
    return found if isinstance(found, str) else ""
