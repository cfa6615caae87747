"""IMAP with XOAUTH2: a mailbox's session and its commands, over `shared.imap_wire`.

A session is short: connect, AUTHENTICATE with an initial response, look, LOGOUT without waiting.
Folders are opened with EXAMINE and mail is read with BODY.PEEK, so nothing becomes \\Seen.
What a server may send is bounded in bytes and in time.
"""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared import imap_errors
from shared.errors import Rejected, TryAgain
from shared.imap_errors import CommandRefused
from shared.imap_wire import UNREADABLE, UNSAFE, Client, safe
from shared.imap_wire import Server as Server
from shared.searches import quoted
from shared.watchdog import total_deadline

SEEN, FLAGGED = "\\Seen", "\\Flagged"
# A line of 1,000,000 bytes is imaplib's limit: this many UIDs of ten digits fit.
_SEARCH_WINDOW = 80_000


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A folder's UIDVALIDITY, UIDNEXT (0 where the server does not say) and number of mails."""

    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder as LIST names it, with attributes as the server says them: `\\Noselect`."""

    name: str
    delimiter: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail as the server lists it; size in bytes is an estimate on Exchange."""

    uid: int
    size: int
    received_at: datetime
    flags: tuple[str, ...]


class Session:
    """An authenticated connection; made by `session`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def folders(self) -> list[ListedFolder]:
        """LIST: every folder of the mailbox, in the server's order."""
        with self._command("LIST"):
            found = self._client.list_folders()
            return [
                ListedFolder(name, _ascii(delimiter), tuple(map(_ascii, attributes)))
                for attributes, delimiter, name in found
            ]

    def status(self, folder: str) -> FolderStatus:
        """STATUS: says whether anything came, without opening the folder."""
        with self._command("STATUS"):
            found = self._client.status(safe(folder))
            return _folder_status(
                found.get("UIDVALIDITY"), found.get("UIDNEXT"), found.get("MESSAGES")
            )

    def examine(self, folder: str) -> FolderStatus:
        """EXAMINE: opens the folder read-only."""
        with self._command("EXAMINE"):
            answer = self._client.select_folder(safe(folder), readonly=True)
            return _folder_status(
                answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT"), answer.get(b"EXISTS")
            )

    def select(self, folder: str) -> FolderStatus:
        """SELECT: opens the folder so that its mails may be changed."""
        with self._command("SELECT"):
            answer = self._client.select_folder(safe(folder))
            return _folder_status(
                answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT"), answer.get(b"EXISTS")
            )

    def store(
        self, uids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Sets and takes away flags in the selected folder; what was expunged is passed over."""
        with self._command("STORE"):
            if add:
                self._client.add_flags(uids, add, silent=True)
            if remove:
                self._client.remove_flags(uids, remove, silent=True)

    def move(self, uid: int, folder: str) -> tuple[int, int] | None:
        """MOVE (RFC 6851): UIDVALIDITY and UID there; None where the server does not say."""
        with self._command("MOVE"):
            return self._client.move_one(uid, safe(folder))

    def search(self, first: int, last: int, criteria: str) -> list[int]:
        """UIDs from `first` to `last` (0: without an end) that fit, ascending.

        criteria: search keys of RFC 3501 section 6.4.4 in printable ASCII, with quoted values; ''
        for every mail. `n:*` names the last mail even where it is older than n, so what is below
        is dropped.
        """
        if not criteria.isascii():
            raise Rejected("field_invalid", "not ASCII")  # Exchange takes nothing else
        keys = f"UID {first}:{last or '*'} {safe(criteria)}"
        with self._command("SEARCH"):
            found = set(self._client.search(keys.rstrip()))
            return sorted(uid for uid in found if uid >= first and (not last or uid <= last))

    def unseen(self, first: int, last: int, exists: int, *, seen_too: bool = False) -> list[int]:
        """UIDs from `first` to `last` (0: without an end) that are not \\Seen, ascending."""
        criteria = "" if seen_too else "UNSEEN"
        found = (self.search(*window, criteria) for window in windows(first, last, exists))
        return sorted({uid for uids in found for uid in uids})

    def with_message_id(self, message_id: str, field: str = "Message-ID") -> list[int]:
        """UIDs of the open folder whose header field holds the value, ascending."""
        if not message_id.isascii() or UNSAFE.search(message_id):
            return []  # Exchange refuses a search that is not US-ASCII; no server takes the other
        with self._command("SEARCH"):
            return sorted(self._client.search(f"HEADER {field} {quoted(message_id)}"))

    def listed(self, uids: Sequence[int]) -> list[Listed]:
        """Size, INTERNALDATE and flags, in the order asked for; expunged ones are left out."""
        with self._command("FETCH"):
            answer = self._client.fetch(uids, _LIST_ITEMS)
            return [_listed(uid, answer[uid]) for uid in uids if uid in answer]

    def envelopes(self, uids: Sequence[int]) -> dict[int, Any]:
        """ENVELOPE of each as imapclient reads it; None where the server can't say it.

        One command for all; where the answer can't be read, one by one without the bad ones.
        """
        try:
            with self._command("FETCH"), contextlib.suppress(*UNREADABLE):
                answer = self._client.fetch(uids, ["ENVELOPE"])
                return {uid: answer.get(uid, {}).get(b"ENVELOPE") for uid in uids}
        except CommandRefused:
            pass  # one of them is odd: found below
        if len(uids) == 1:
            return {uids[0]: None}
        return {uid: one for each in uids for uid, one in self.envelopes([each]).items()}

    def bodies(self, uids: Sequence[int], first_bytes: int = 0) -> dict[int, bytes]:
        """The mails as bytes, or their first so many; expunged ones are left out.

        A size that was listed is an estimate, so a limit is the server's to keep.
        """
        return self._fetched(uids, "BODY.PEEK[]", first_bytes)

    def header(self, uid: int, first_bytes: int) -> bytes | None:
        """The mail's header, at most so many bytes of it; None where it was expunged."""
        return self._fetched([uid], "BODY.PEEK[HEADER]", first_bytes).get(uid)

    def piece(self, uid: int, section: str, start: int, size: int) -> bytes | None:
        """So many bytes of a section from `start` on, fewer at its end.

        section: the number of a part, '' for the whole mail. None where it is not there.
        """
        with self._command("FETCH"):
            answer = self._client.fetch([uid], [f"BODY.PEEK[{section}]<{start}.{size}>"])
            body = answer.get(uid, {}).get(f"BODY[{section}]<{start}>".encode())
            return None if body is None else _bytes(body)

    def structure(self, uid: int) -> Any:
        """BODYSTRUCTURE as nested tuples, None where the server can't say it.

        Or says it so deeply nested that the library can't read it: all of it has come by then, so
        the session is in order.
        """
        with self._command("FETCH"), contextlib.suppress(*UNREADABLE):
            return self._client.fetch([uid], ["BODYSTRUCTURE"]).get(uid, {}).get(b"BODYSTRUCTURE")
        return None

    def _fetched(self, uids: Sequence[int], section: str, first_bytes: int) -> dict[int, bytes]:
        item = f"{section}<0.{first_bytes}>" if first_bytes else section
        whole = section.replace(".PEEK", "").encode()
        with self._command("FETCH"):
            answer = self._client.fetch(uids, [item])
            # An expunged one is not there, or has its flags only, or NIL for a body (Dovecot).
            found = {uid: answer.get(uid, {}) for uid in uids}
            bodies = {uid: one.get(whole + b"<0>", one.get(whole)) for uid, one in found.items()}
            return {uid: _bytes(body) for uid, body in bodies.items() if body is not None}

    @contextlib.contextmanager
    def _command(self, name: str) -> Iterator[None]:
        self._client.begin_command()
        with imap_errors.translated(name):
            yield


_LIST_ITEMS = ("RFC822.SIZE", "INTERNALDATE", "FLAGS")


@contextlib.contextmanager
def session(server: Server, address: str, token: str, seconds: float) -> Iterator[Session]:
    """Connects, authenticates as the mailbox and says LOGOUT at the end.

    seconds: the total that the session may take. Raises TryAgain, `imap_errors.TokenRefused`
    or Blocked. XOAUTH2:
    https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    """
    opened: list[socket.socket] = []
    with total_deadline(seconds, lambda: opened[-1] if opened else None):
        client = _connect(server, opened)
        try:
            with imap_errors.translated("AUTHENTICATE"):
                client.authenticate(address, token)
            yield Session(client)
            client.say_logout()
        finally:
            _close(client)


def greet(server: Server, seconds: float) -> None:
    """TCP, TLS and the greeting, and nothing more; raises TryAgain."""
    opened: list[socket.socket] = []
    with total_deadline(seconds, lambda: opened[-1] if opened else None):
        _close(_connect(server, opened))


def _connect(server: Server, opened: list[socket.socket]) -> Client:
    try:
        with imap_errors.translated("CONNECT"):
            return Client(server, opened.append)
    except BaseException:
        for sock in opened:  # imaplib leaves its socket open where the greeting fails
            sock.close()
        raise


def _close(client: Client) -> None:
    with contextlib.suppress(OSError):
        client.hang_up()


def windows(first: int, last: int, exists: int) -> Iterator[tuple[int, int]]:
    """Ranges whose answer fits a line: one where the folder is small enough, else many."""
    if not last or exists <= _SEARCH_WINDOW:
        if not last or first <= last:
            yield first, last
        return
    for low in range(first, last + 1, _SEARCH_WINDOW):
        yield low, min(low + _SEARCH_WINDOW - 1, last)


def _folder_status(uidvalidity: Any, uidnext: Any, exists: Any) -> FolderStatus:
    if not isinstance(uidvalidity, int):
        raise TryAgain("imap_unavailable", "no UIDVALIDITY")
    return FolderStatus(uidvalidity, _number(uidnext), _number(exists))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _listed(uid: int, item: dict[bytes, Any]) -> Listed:
    received = item.get(b"INTERNALDATE")
    if not isinstance(received, datetime):
        raise TryAgain("imap_unavailable", "no INTERNALDATE")
    # \\Recent is about sessions, not about the mail: another client's look takes it away.
    flags = tuple(
        _ascii(flag) for flag in item.get(b"FLAGS", ()) if _bytes(flag).lower() != b"\\recent"
    )
    return Listed(uid, _number(item.get(b"RFC822.SIZE")), received.astimezone(UTC), flags)


def _ascii(value: Any) -> str:
    return _bytes(value).decode("ascii", "replace")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
