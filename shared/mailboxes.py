"""Connected mailboxes, opened for whoever calls the API."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared import imap, instants, message_forms
from shared.account_forms import INBOX
from shared.account_guard import AccountGuard
from shared.account_rows import Account
from shared.errors import Blocked, ReconnectNeeded, Rejected, TryAgain
from shared.imap_errors import CommandRefused, TokenRefused
from shared.message_urls import MessageUrl
from shared.reader import Reader
from shared.renew import Renewal


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail of a mailbox, in its folder, which is open."""

    account: Account
    session: imap.Session
    folder: str
    uidvalidity: int
    uid: int

    def listed(self) -> imap.Listed:
        """As the server lists it; raises Rejected 404 `message_unknown`."""
        for one in self.session.listed([self.uid]):
            return one
        raise Rejected("message_unknown", status=404)

    def place(self) -> dict[str, Any]:
        """Where it is, as events say it."""
        return {"folder": self.folder, "uid": self.uid, "uid_validity": self.uidvalidity}

    def url(self, base_url: str) -> MessageUrl:
        """Where the API has it."""
        return MessageUrl(base_url, self.account.id, self.folder, self.uidvalidity, self.uid)


class Mailboxes:
    """Opens a mailbox for one call, with the account's own token."""

    def __init__(
        self, guard: AccountGuard, server: imap.Server, renewal: Renewal, clock: instants.Clock
    ) -> None:
        self._guard = guard
        self._server = server
        self._renewal = renewal
        self._now = clock

    @contextlib.contextmanager
    def open(self, account_id: str, seconds: float) -> Iterator[tuple[Account, imap.Session]]:
        """The account and a session at its mailbox, of so many seconds at most.

        Raises Rejected 404 `account_unknown`, and 409 with a link where its owner has to sign in;
        Blocked where the mailbox refuses; TryAgain.
        """
        account = self._guard.account(account_id)
        with self.session(account, seconds) as session:
            yield account, session

    @contextlib.contextmanager
    def session(self, account: Account, seconds: float) -> Iterator[imap.Session]:
        """A session at the account's mailbox; raises as `open` does."""
        try:
            with Reader(account, self._server, self._renewal, self._now, seconds) as reader:
                yield reader.session()
        except ReconnectNeeded as error:
            raise self._guard.reconnect(error.code) from None
        except TokenRefused:
            # In the middle of a session: it died with its token. The next one gets another.
            raise TryAgain("imap_unavailable", "authentication lost") from None

    @contextlib.contextmanager
    def open_message(
        self,
        account_id: str,
        uid: str,
        query: Mapping[str, str],
        seconds: float,
        *,
        to_change: bool = False,
    ) -> Iterator[Opened]:
        """A mail by its UID; `folder` and `uid_validity` of the query say where that counts.

        Raises what `open` does, and Rejected: 404 for what is not there, 409 where UIDVALIDITY is
        another, or where the server refuses to give the mail.
        """
        place = message_forms.query(query, message_forms.PLACE)
        number = message_forms.uid(uid)
        folder = place.get("folder", INBOX)
        try:
            with self.open(account_id, seconds) as (account, session):
                status = opened(session, folder, to_change=to_change)
                if place.get("uid_validity", status.uidvalidity) != status.uidvalidity:
                    raise Rejected("uid_validity_changed", status=409)
                yield Opened(account, session, folder, status.uidvalidity, number)
        except CommandRefused:
            raise Rejected("message_unreadable", status=409) from None


def opened(session: imap.Session, folder: str, *, to_change: bool = False) -> imap.FolderStatus:
    """Opens a folder that a caller names; raises Rejected 404 `folder_unknown`."""
    with known_folder("folder"):
        return session.select(folder) if to_change else session.examine(folder)


@contextlib.contextmanager
def known_folder(name: str) -> Iterator[None]:
    """Says of a folder that is not there which field named it."""
    try:
        yield
    except Blocked as error:
        if error.code != "folder_missing":
            raise
        raise Rejected("folder_unknown", name, status=404) from None
