"""IMAP with XOAUTH2: all of imapclient, which nothing else imports.

A session is short: connect, AUTHENTICATE with an initial response, look, LOGOUT without waiting.
Folders are opened with EXAMINE and mail is read with BODY.PEEK, so nothing becomes \\Seen.
What a server may send is bounded in bytes and in time.
"""

import base64
import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import certifi
from imapclient import IMAPClient, SocketTimeout
from imapclient.tls import IMAP4_TLS

from shared import imap_errors
from shared.errors import Rejected, TryAgain
from shared.watchdog import total_deadline

_CONNECT_SECONDS = 10
_READ_SECONDS = 30
_MAX_COMMAND_BYTES = 64 * 1024 * 1024
# A line of 1,000,000 bytes is imaplib's limit: this many UIDs of ten digits fit.
_SEARCH_WINDOW = 80_000
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the mailboxes are, and whom to trust there; made once per process."""

    host: str
    port: int
    tls: ssl.SSLContext

    @classmethod
    def trusting(cls, host: str, port: int, ca_file: str) -> "Server":
        return cls(host, port, ssl.create_default_context(cafile=ca_file or certifi.where()))


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A folder's UIDVALIDITY, UIDNEXT (0 where the server does not say) and number of mails."""

    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail as the server lists it; size in bytes is an estimate on Exchange."""

    uid: int
    size: int
    received_at: datetime
    flags: tuple[str, ...]


class Session:
    """An authenticated connection; made by `session`."""

    def __init__(self, client: "_Client") -> None:
        self._client = client

    def status(self, folder: str) -> FolderStatus:
        """STATUS: says whether anything came, without opening the folder."""
        with self._command("STATUS"):
            answer = self._client.folder_status(_safe(folder), _STATUS_ITEMS)
            return _folder_status(
                answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT"), answer.get(b"MESSAGES")
            )

    def examine(self, folder: str) -> FolderStatus:
        """EXAMINE: opens the folder read-only."""
        with self._command("EXAMINE"):
            answer = self._client.select_folder(_safe(folder), readonly=True)
            return _folder_status(
                answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT"), answer.get(b"EXISTS")
            )

    def unseen(self, first: int, last: int, exists: int) -> list[int]:
        """UIDs from `first` to `last` (0: without an end) that are not \\Seen, ascending.

        `n:*` names the last mail even where it is older than n, so what is below is dropped.
        """
        found: set[int] = set()
        with self._command("SEARCH"):
            for low, high in _windows(first, last, exists):
                found.update(self._client.search(["UID", f"{low}:{high or '*'}", "UNSEEN"]))
        return sorted(uid for uid in found if uid >= first and (not last or uid <= last))

    def with_message_id(self, message_id: str) -> list[int]:
        """UIDs of the open folder whose Message-ID header holds the value, ascending."""
        if not message_id.isascii() or _UNSAFE.search(message_id):
            return []  # Exchange refuses a search that is not US-ASCII; no server takes the other
        # imapclient leaves a value without a space as it is: `{9}` would begin a literal.
        quoted = message_id.replace("\\", "\\\\").replace('"', '\\"')
        with self._command("SEARCH"):
            return sorted(self._client.search(f'HEADER Message-ID "{quoted}"'))

    def listed(self, uids: Sequence[int]) -> list[Listed]:
        """Size, INTERNALDATE and flags, in the order asked for; expunged ones are left out."""
        with self._command("FETCH"):
            answer = self._client.fetch(uids, _LIST_ITEMS)
            return [_listed(uid, answer[uid]) for uid in uids if uid in answer]

    def bodies(self, uids: Sequence[int], first_bytes: int = 0) -> dict[int, bytes]:
        """The mails as bytes, or their first so many; expunged ones are left out."""
        item = f"BODY.PEEK[]<0.{first_bytes}>" if first_bytes else "BODY.PEEK[]"
        name = b"BODY[]<0>" if first_bytes else b"BODY[]"
        with self._command("FETCH"):
            answer = self._client.fetch(uids, [item])
            # An expunged one is not there, or has its flags only, or NIL for a body (Dovecot).
            found = {uid: answer.get(uid, {}).get(name) for uid in uids}
            return {uid: _bytes(body) for uid, body in found.items() if body is not None}

    @contextlib.contextmanager
    def _command(self, name: str) -> Iterator[None]:
        self._client.begin_command()
        with imap_errors.translated(name):
            yield


_STATUS_ITEMS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY")
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


def _connect(server: Server, opened: list[socket.socket]) -> "_Client":
    try:
        with imap_errors.translated("CONNECT"):
            return _Client(server, opened.append)
    except BaseException:
        for sock in opened:  # imaplib leaves its socket open where the greeting fails
            sock.close()
        raise


def _close(client: "_Client") -> None:
    with contextlib.suppress(OSError, imaplib.IMAP4.error):
        client.shutdown()


class _Client(IMAPClient):  # type: ignore[misc]  # the library has no types
    """imapclient over a wire with limits, and with XOAUTH2 in one round trip."""

    def __init__(self, server: Server, on_socket: Callable[[socket.socket], Any]) -> None:
        self._on_socket = on_socket
        super().__init__(
            server.host,
            server.port,
            ssl=True,
            ssl_context=server.tls,
            timeout=SocketTimeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        )
        self.normalise_times = False

    def _create_IMAP4(self) -> "_Wire":
        return _Wire(self.host, self.port, self.ssl_context, self._on_socket)

    def begin_command(self) -> None:
        """The bytes that an answer may have are counted for each command."""
        self._imap.received_bytes = 0

    def authenticate(self, address: str, token: str) -> None:
        """AUTHENTICATE XOAUTH2 with an initial response (SASL-IR).

        imapclient's own way takes one more round trip and answers a refusal's challenge by
        sending the token again. The challenge wants an empty line; the NO follows.
        """
        self.begin_command()
        wire = self._imap
        if wire.state != "NONAUTH":
            raise imaplib.IMAP4.abort("PREAUTH: signed in as nobody knows whom")
        tag = wire._command("AUTHENTICATE", "XOAUTH2", xoauth2(address, token))
        while wire.tagged_commands[tag] is None:
            wire._check_bye()
            if wire._get_response() is None and wire.tagged_commands[tag] is None:
                wire.send(b"\r\n")
        kind, data = wire._command_complete("AUTHENTICATE", tag)
        if kind != "OK":
            raise imaplib.IMAP4.error(_bytes(data[-1]).decode("ascii", "replace"))
        wire.state = "AUTH"

    def say_logout(self) -> None:
        """LOGOUT, without waiting for what the server says to it."""
        with contextlib.suppress(OSError):
            self._imap.send(self._imap._new_tag() + b" LOGOUT\r\n")


class _Wire(IMAP4_TLS):  # type: ignore[misc]  # the library has no types
    """imaplib's connection, which hands out its socket and stops at a number of bytes."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        on_socket: Callable[[socket.socket], Any],
    ) -> None:
        self._on_socket = on_socket
        self.received_bytes = 0
        super().__init__(host, port, tls, _CONNECT_SECONDS)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=_CONNECT_SECONDS)
        # imapclient sends a command and its line end apart: without this, a round trip apart.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_socket(plain)
        wrapped = self.ssl_context.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._on_socket(wrapped)
        wrapped.do_handshake()
        return wrapped  # type: ignore[no-any-return]

    def read(self, size: int) -> bytes:
        self._count(size)
        return super().read(size)  # type: ignore[no-any-return]

    def readline(self) -> bytes:
        line: bytes = super().readline()
        self._count(len(line))
        return line

    def _count(self, size: int) -> None:
        """Before a literal is read, its announced size is what counts."""
        self.received_bytes += size
        if self.received_bytes > _MAX_COMMAND_BYTES:
            raise imaplib.IMAP4.abort("answer too large")


def xoauth2(address: str, token: str) -> str:
    """base64 of `user=<mailbox>^Aauth=Bearer <token>^A^A`; a control character is refused."""
    plain = f"user={_safe(address)}\x01auth=Bearer {_safe(token)}\x01\x01"
    return base64.b64encode(plain.encode()).decode()


def _safe(value: str) -> str:
    """A CR or LF would begin a second command, ^A a second SASL field."""
    if _UNSAFE.search(value):
        raise Rejected("field_invalid", "control character")
    return value


def _windows(first: int, last: int, exists: int) -> Iterator[tuple[int, int]]:
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
    flags = tuple(_bytes(flag).decode("ascii", "replace") for flag in item.get(b"FLAGS", ()))
    return Listed(uid, _number(item.get(b"RFC822.SIZE")), received.astimezone(UTC), flags)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
