"""A proxy before the mail server: it counts what is asked, and misbehaves when told to.

Exchange's own texts can't be had from another server; a rule puts them in its mouth. A rule is a
regular expression for commands and what answers them; the first that fits a command is taken.
"""

import base64
import contextlib
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

type Ask = Callable[[], bytes]
# Given the tag, and what asks the server; gives the bytes for the client, maybe in parts, or raises
# Cut or Silent.
type Answer = Callable[[str, Ask], bytes | Iterable[bytes]]

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class Cut(Exception):
    """The connection ends, after these bytes."""


class Silent(Exception):
    """Nothing more is said until the client leaves."""


@dataclass
class _Rule:
    command: re.Pattern[str]
    answer: Answer
    times: int
    user: str


class ImapProxy:
    """Serves TLS on `port` with the lab's certificate, for the server on `server_port`."""

    def __init__(self, port: int, server_port: int, certificates: Path) -> None:
        self.port = port
        self.commands: list[str] = []
        self._server_port = server_port
        self._rules: list[_Rule] = []
        self._to_server = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        self._to_client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._to_client.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        self._listener = _Listener(("127.0.0.1", port), self._serve)
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def count(self, command: str) -> int:
        """How many commands began so: `AUTHENTICATE` counts logins."""
        return sum(one.startswith(command) for one in self.commands)

    def on(self, command: str, answer: Answer, times: int = 0, user: str = "") -> None:
        """From now on (0), or so many times; `CONNECT` stands for a connection's greeting.

        user: the only mailbox that meets it.
        """
        self._rules.append(_Rule(re.compile(command), answer, times, user))

    def behave(self) -> None:
        self._rules.clear()

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            client = stack.enter_context(self._to_client.wrap_socket(plain, server_side=True))
            from_client = stack.enter_context(client.makefile("rb"))
            upstream = socket.create_connection(("127.0.0.1", self._server_port))
            server = stack.enter_context(
                self._to_server.wrap_socket(upstream, server_hostname="localhost")
            )
            from_server = stack.enter_context(server.makefile("rb"))
            user = ""
            try:
                self._say(client, "", "CONNECT", from_server.readline, user)
                while line := from_client.readline():
                    tag, _, command = line.decode("latin-1").strip().partition(" ")
                    user = _user(command) or user

                    def ask(line: bytes = line, tag: str = tag) -> bytes:
                        server.sendall(line)
                        return _whole(from_server, tag, client, from_client, server)

                    self._say(client, tag, command, ask, user)
            except Cut as cut:
                client.sendall(cut.args[0])
            except Silent:
                from_client.read()

    def _say(self, client: ssl.SSLSocket, tag: str, command: str, ask: Ask, user: str) -> None:
        answer = self._answer(tag, command, ask, user)
        for part in (answer,) if isinstance(answer, bytes) else answer:
            client.sendall(part)

    def _answer(self, tag: str, command: str, ask: Ask, user: str) -> bytes | Iterable[bytes]:
        if command != "CONNECT":
            self.commands.append(command.partition("dXNlcj")[0])  # without the token
        for rule in self._rules:
            if rule.command.match(command) and rule.user in {"", user}:
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
                return rule.answer(tag, ask)
        return ask()


def says(text: str, *untagged: str) -> Answer:
    """The tagged answer, without asking the server: `NO AUTHENTICATE failed.`"""
    lines = "".join(f"* {line}\r\n" for line in untagged)
    return lambda tag, ask: f"{lines}{tag} {text}\r\n".encode()


def cut(first_bytes: int = 0) -> Answer:
    """The connection ends within the server's answer, or before it."""

    def answer(tag: str, ask: Ask) -> bytes:
        raise Cut(ask()[:first_bytes] if first_bytes else b"")

    return answer


def rewritten(old: str, new: str) -> Answer:
    """The server's answer with some of its text replaced."""
    return lambda tag, ask: ask().replace(old.encode(), new.encode())


def rewritten_by(pattern: str, new: str) -> Answer:
    """As `rewritten`, by a regular expression."""
    return lambda tag, ask: re.sub(pattern.encode(), new.encode(), ask())


def sizes_times(factor: float) -> Answer:
    """The server's answer with sizes that are estimates, as Exchange's are."""

    def estimated(found: re.Match[bytes]) -> bytes:
        return b"RFC822.SIZE %d" % int(int(found[1]) * factor)

    return lambda tag, ask: re.sub(rb"RFC822\.SIZE (\d+)", estimated, ask())


def silent(tag: str, ask: Ask) -> bytes:
    """The server takes the command and falls silent."""
    raise Silent


def dripped(seconds: float) -> Answer:
    """The server's answer, one byte at a time."""

    def answer(tag: str, ask: Ask) -> Iterator[bytes]:
        for byte in ask():
            yield bytes([byte])
            time.sleep(seconds)

    return answer


def endless(first: bytes, then: bytes) -> Answer:
    """Goes on for as long as the client listens."""

    def answer(tag: str, ask: Ask) -> Iterator[bytes]:
        yield first
        while True:
            yield then

    return answer


def after(work: Callable[[], object], then: Answer = lambda tag, ask: ask()) -> Answer:
    """The answer, which is the server's own unless another is given, once the work is done."""

    def answer(tag: str, ask: Ask) -> bytes | Iterable[bytes]:
        work()
        return then(tag, ask)

    return answer


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], serve: Callable[[socket.socket], None]) -> None:
        super().__init__(address, socketserver.BaseRequestHandler)
        self._serve = serve

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._serve(request)


def _user(command: str) -> str:
    """The mailbox that an XOAUTH2 sign-in with initial response is for."""
    if not command.startswith("AUTHENTICATE XOAUTH2 "):
        return ""
    said = base64.b64decode(command.split(" ")[2]).decode()
    return said.removeprefix("user=").partition("\x01")[0]


def _whole(
    from_server: BinaryIO,
    tag: str,
    client: ssl.SSLSocket,
    from_client: BinaryIO,
    server: ssl.SSLSocket,
) -> bytes:
    """The answer up to its tagged line; a challenge goes to the client and its reply back."""
    told = b""
    while line := from_server.readline():
        if line.startswith(b"+ "):
            client.sendall(line)
            server.sendall(from_client.readline())
            continue
        told += line
        literal = _LITERAL.search(line)
        if literal:
            told += from_server.read(int(literal[1]))
        elif line.startswith(f"{tag} ".encode()):
            break
    return told
