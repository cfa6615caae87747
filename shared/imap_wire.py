"""The wire to the mail server: imapclient with limits, and with as few round trips as IMAP allows.

A check takes five: TCP, TLS, the greeting, AUTHENTICATE with an initial response, and STATUS. What
a server does not take is found out once and remembered for the process: see `Habits`.
"""

import base64
import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import certifi
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import ProtocolError
from imapclient.tls import IMAP4_TLS

from shared import imap_errors
from shared.errors import Rejected

_CONNECT_SECONDS = 10
_READ_SECONDS = 30
_MAX_COMMAND_BYTES = 64 * 1024 * 1024
# What a line counts for at least: untagged answers are kept, each as an object of its own.
_LEAST_LINE_BYTES = 512
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_CAPABILITIES = re.compile(rb"\[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
# UIDVALIDITY of the other folder, the UID here and the UID there (RFC 4315 section 3).
_COPIED = re.compile(rb"(\d+) \d+ (\d+)")
_MOST_REFUSALS = 3
_AFTER_BYE_SECONDS = 1
# What the library raises for an answer that it can't parse.
UNREADABLE = (ProtocolError, RecursionError, ValueError, LookupError, TypeError)
_TAG = b"LOOK"
_STATUS = "(MESSAGES UIDNEXT UIDVALIDITY)"
_NUMBERS = re.compile(r"\(([^()]*)\)\s*\Z")
_NUMBER = re.compile(r"([A-Z]+) (\d+)", re.IGNORECASE | re.ASCII)
_TAGGED = re.compile(rb"(?P<tag>LOOK\d+) (?P<type>[A-Z]+) (?P<data>.*)", re.ASCII)


@dataclass(slots=True)
class Habits:
    """What this process has learned of a server; threads may overwrite each other's lessons.

    tls_session: of the last connection, so that the next handshake is short; a server that
    resumes none makes a full one by itself. refusals: of these in a row. asks_first: it refuses
    AUTHENTICATE before CAPABILITY. initial_response: AUTHENTICATE may carry the token (SASL-IR).
    """

    tls_session: ssl.SSLSession | None = None
    refusals: int = 0
    asks_first: bool = False
    initial_response: bool = True


@dataclass(frozen=True, slots=True)
class Server:
    """Where the mailboxes are, and whom to trust there; made once per process.

    A TLS session can be resumed only on the context that made it, and a context costs 30 ms.
    """

    host: str
    port: int
    tls: ssl.SSLContext
    habits: Habits = field(default_factory=Habits, compare=False)

    @classmethod
    def trusting(cls, host: str, port: int, ca_file: str) -> "Server":
        return cls(host, port, ssl.create_default_context(cafile=ca_file or certifi.where()))


class Client(IMAPClient):  # type: ignore[misc]  # the library has no types
    """imapclient over a wire with limits, and with XOAUTH2 in one round trip."""

    def __init__(self, server: Server, on_socket: Callable[[socket.socket], Any]) -> None:
        self._server = server
        self._on_socket = on_socket
        super().__init__(
            server.host,
            server.port,
            ssl=True,
            ssl_context=server.tls,
            timeout=SocketTimeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        )
        self.normalise_times = False
        # imapclient has every line formatted for a log that nobody reads.
        self._imap.debug = 0
        # It would ask before a SEARCH whether it may send literals; none of our commands has any.
        self._cached_capabilities = (b"IMAP4REV1",)

    def _create_IMAP4(self) -> "_Wire":
        return _Wire(self._server, self._on_socket)

    def begin_command(self) -> None:
        """The bytes that an answer may have are counted for each command."""
        self._imap.received_bytes = 0

    def authenticate(self, address: str, token: str) -> None:
        """AUTHENTICATE XOAUTH2, in one round trip where the server takes it so.

        Where it does not understand the command, it is asked what it can do and signed in to
        as it says; the process remembers.
        """
        self.begin_command()
        wire, habits, secret = self._imap, self._server.habits, xoauth2(address, token)
        if wire.state != "NONAUTH":
            raise imaplib.IMAP4.abort("PREAUTH: signed in as nobody knows whom")
        can = wire.told
        if habits.asks_first and not can:
            can = wire.ask_capabilities()
        initial = "SASL-IR" in can if can else habits.initial_response
        kind, text = wire.sign_in(secret, initial=initial)
        if kind == "BAD" and not imap_errors.is_explained(text):
            initial = "SASL-IR" in wire.ask_capabilities()
            kind, text = wire.sign_in(secret, initial=initial)
            if kind == "OK":
                habits.asks_first, habits.initial_response = True, initial
        if kind != "OK":
            raise imaplib.IMAP4.error(text)
        wire.state = "AUTH"

    def status(self, folder: str) -> dict[str, int]:
        """STATUS: MESSAGES, UIDNEXT and UIDVALIDITY, as far as the server says them.

        It is all that an idle check reads. The library's lexer would take it byte by byte, which
        costs as much as sending the command and waiting for it.
        """
        data = self._command_and_check("status", self._normalise_folder(folder), _STATUS)
        found = _NUMBERS.search(_text(data))
        pairs = _NUMBER.findall(found[1]) if found else []
        return {name.upper(): int(number) for name, number in pairs}

    def move_one(self, uid: int, folder: str) -> tuple[int, int] | None:
        """UID MOVE; UIDVALIDITY and UID that it has there, None where the server does not say.

        imapclient's own way asks for capabilities first, and forgets where the mail went.
        """
        self._imap.untagged_responses.pop("COPYUID", None)
        self._command_and_check("move", str(uid), self._normalise_folder(folder), uid=True)
        told = self._imap.untagged_responses.pop("COPYUID", None) or [b""]
        found = _COPIED.fullmatch(told[-1])
        return (int(found[1]), int(found[2])) if found else None

    def say_logout(self) -> None:
        """LOGOUT, without waiting for what the server says to it; keeps the TLS session."""
        with contextlib.suppress(OSError):
            self._imap.send(self._imap._new_tag() + b" LOGOUT\r\n")
        self._imap.keep_tls_session()

    def hang_up(self) -> None:
        """Closes the socket. The library's way shuts it down before, a call more to the system."""
        with contextlib.closing(self._imap.sock):
            self._imap.file.close()


class _Wire(IMAP4_TLS):  # type: ignore[misc]  # the library has no types
    """imaplib's connection, which hands out its socket and stops at a number of bytes.

    told: capabilities that the server has named; empty before.
    """

    def __init__(self, server: Server, on_socket: Callable[[socket.socket], Any]) -> None:
        self._server = server
        self._on_socket = on_socket
        self.received_bytes = 0
        self.told: tuple[str, ...] = ()
        super().__init__(server.host, server.port, server.tls, _CONNECT_SECONDS)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        habits = self._server.habits
        known = habits.tls_session
        try:
            return self._connected(known)
        except ssl.SSLCertVerificationError:
            raise
        except (ssl.SSLError, ConnectionError):
            if known is None:
                raise
            # Some box between may choke on a ticket that its server gave: once without.
            habits.tls_session = None
            return self._connected(None)

    def _connected(self, known: ssl.SSLSession | None) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=_CONNECT_SECONDS)
        # imapclient sends a command and its line end apart: without this, a round trip apart.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_socket(plain)
        wrapped = self.ssl_context.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False, session=known
        )
        self._on_socket(wrapped)
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped  # type: ignore[no-any-return]

    def _connect(self) -> None:
        """The greeting. imaplib's own way asks for capabilities too, which takes a round trip.

        And it makes up a tag, for which it compiles a pattern each time.
        """
        self.tagpre, self.tagre = _TAG, _TAGGED
        self._cmd_log_len = self._cmd_log_idx = 0
        self.welcome = self._get_response()
        if "PREAUTH" in self.untagged_responses:
            self.state = "AUTH"
        elif "OK" in self.untagged_responses:
            self.state = "NONAUTH"
        else:
            raise self.error(self.welcome)
        found = _CAPABILITIES.search(self.welcome or b"")
        if found:
            self.told = tuple(found[1].decode("ascii", "replace").upper().split())

    def ask_capabilities(self) -> tuple[str, ...]:
        """CAPABILITY, a round trip."""
        self._get_capabilities()
        self.told = self.capabilities
        return self.told

    def keep_tls_session(self) -> None:
        """For the next connection. A ticket of TLS 1.3 comes after the handshake: it is there now.

        Copying it costs half of what it saves, so one that was taken serves again, and a server
        that takes none is not offered any more.
        """
        habits = self._server.habits
        if self.sock.session_reused:
            habits.refusals = 0
            return
        habits.refusals += habits.tls_session is not None
        wanted = habits.refusals < _MOST_REFUSALS
        habits.tls_session = self.sock.session if wanted else None

    def sign_in(self, secret: str, *, initial: bool) -> tuple[str, str]:
        """AUTHENTICATE XOAUTH2; gives OK, NO or BAD and the text beside it.

        An empty challenge asks for the token, any other explains a refusal: it wants an empty
        line, the NO follows. imapclient's own way would send the token again.
        """
        tag = self._command("AUTHENTICATE", "XOAUTH2", *([secret] if initial else []))
        unsent = secret.encode()
        while self.tagged_commands[tag] is None:
            self._check_bye()
            if self._get_response() is None and self.tagged_commands[tag] is None:
                asked = not self.continuation_response.strip()
                self.send((unsent if asked else b"") + b"\r\n")
                unsent = b"" if asked else unsent
        self._check_bye()
        kind, data = self.tagged_commands.pop(tag)
        return kind, _text(data)

    def read(self, size: int) -> bytes:
        self._count(size)
        return super().read(size)  # type: ignore[no-any-return]

    def readline(self) -> bytes:
        try:
            line: bytes = super().readline()
        except self.error:  # too long: its rest is still to come, so nothing was refused
            raise self.abort("line too long") from None
        self._count(max(len(line), _LEAST_LINE_BYTES))
        return line

    def _count(self, size: int) -> None:
        """Before a literal is read, its announced size is what counts."""
        self.received_bytes += size
        if self.received_bytes > _MAX_COMMAND_BYTES:
            raise imaplib.IMAP4.abort("answer too large")

    def _check_bye(self) -> None:
        """Exchange often says why it hangs up in the tagged answer behind its BYE."""
        bye = self.untagged_responses.get("BYE")
        if not bye:
            return
        said = _text(bye)
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            self.sock.settimeout(_AFTER_BYE_SECONDS)
            self._get_response()
            answers = [found[1] for found in self.tagged_commands.values() if found]
            said = " ".join([said, *map(_text, answers)])
        raise self.abort(said)

    def _log(self, line: str) -> None:
        """imaplib would keep the last lines, the token's among them."""


def xoauth2(address: str, token: str) -> str:
    """base64 of `user=<mailbox>^Aauth=Bearer <token>^A^A`; a control character is refused."""
    plain = f"user={safe(address)}\x01auth=Bearer {safe(token)}\x01\x01"
    return base64.b64encode(plain.encode()).decode()


def safe(value: str) -> str:
    """A CR or LF would begin a second command, ^A a second SASL field."""
    if UNSAFE.search(value):
        raise Rejected("field_invalid", "control character")
    return value


def _text(data: list[Any]) -> str:
    last = data[-1] if data else b""
    return last.decode("ascii", "replace") if isinstance(last, bytes) else ""
