"""An IMAP server that says what a test tells it, and keeps every line that it is sent."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from .certificates import Authority
from .raw_server import RawServer

type Answer = bytes | Iterable[bytes] | Callable[[], Iterable[bytes]]

CLOSE = b""  # in an answer: ends the connection
TOKEN = "TOKEN"  # names the line that holds nothing but an XOAUTH2 string

GREETING = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
ANSWERS: dict[str, Answer] = {
    "GREETING": GREETING,
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\n%T OK done\r\n",
    "AUTHENTICATE": b"%T OK AUTHENTICATE completed.\r\n",
    "STATUS": b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n%T OK done\r\n",
    "EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 2] .\r\n"
    b"%T OK [READ-ONLY] done\r\n",
    "SEARCH": b"* SEARCH\r\n%T OK done\r\n",
    "FETCH": b"%T OK done\r\n",
    "LOGOUT": [b"* BYE bye\r\n%T OK done\r\n", CLOSE],
    "": b"",
}


class ScriptedImap:
    """Over TLS. answers: by command, GREETING among them and '' for an empty line.

    `%T` stands for the tag of the last command; an answer may be made of parts.
    """

    def __init__(self, authority: Authority, answers: Mapping[str, Answer]) -> None:
        self._answers = {**ANSWERS, **answers}
        self.lines: list[str] = []
        self._server = RawServer(self._talk, authority)
        self.port = self._server.port

    def commands(self, name: str) -> list[str]:
        """The lines of one command, without their tags."""
        without = [line.partition(" ")[2] for line in self.lines]
        return [line for line in without if name in line.split(" ")[:2]]

    def close(self) -> None:
        self._server.close()

    def _talk(self, sock: socket.socket) -> None:
        tag = b""
        with sock.makefile("rb") as lines:
            if not self._say(sock, "GREETING", tag):
                return
            for line in lines:
                text = line.decode("ascii", "backslashreplace").removesuffix("\r\n")
                self.lines.append(text)
                words = text.split(" ")
                if len(words) > 1:
                    tag = words[0].encode()
                name = words[2] if words[1:2] == ["UID"] else " ".join(words[1:2])
                if text and len(words) == 1:
                    name = TOKEN
                if not self._say(sock, name, tag):
                    return

    def _say(self, sock: socket.socket, name: str, tag: bytes) -> bool:
        """Answers; False where the connection shall end."""
        answer = self._answers.get(name, b"%T BAD unknown command\r\n")
        if callable(answer):
            answer = answer()
        for part in [answer] if isinstance(answer, bytes) else answer:
            if part == CLOSE and name:
                return False
            sock.sendall(part.replace(b"%T", tag))
        return True


def dripping(text: bytes) -> Iterator[bytes]:
    """One byte each 20 ms."""
    for byte in text:
        threading.Event().wait(0.02)
        yield bytes([byte])
