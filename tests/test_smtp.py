"""Submission to servers that are not well: nothing is said too early, and nothing is endless."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import pytest

from shared.errors import Rejected, TryAgain
from shared.smtp import Envelope, Smtp
from tests.conftest import StartApp
from tests.lab.certificates import Authority
from tests.lab.raw_server import RawServer
from tests.lab.services import Services
from tests.lab.waiting import wait_until

_TOKEN = "EwB4canary"
_MAIL = Envelope("ada@outlook.example", "ada@outlook.example", {"to@x.example": "to.0"}, b"a\r\n")
type Serve = Callable[..., Smtp]


@pytest.fixture
def serve(start_app: StartApp) -> Iterator[Serve]:
    """Starts a server of plain text, and gives what sends by it, in so many seconds."""
    servers: list[RawServer] = []

    def start(talk: Callable[[socket.socket], None], seconds: float = 60) -> Smtp:
        servers.append(RawServer(talk))
        app = start_app(SMTP_HOST=f"localhost:{servers[-1].port}")
        return Smtp(app.parts.settings, seconds)

    yield start
    for server in servers:
        server.close()


def refusal(smtp: Smtp) -> str:
    """Code and detail of the passing fault that sending meets."""
    with pytest.raises(TryAgain) as caught:
        smtp.submit("personal", _MAIL, _TOKEN)
    return f"{caught.value.code} {caught.value.detail}"


def talker(heard: list[bytes], *answers: bytes) -> Callable[[socket.socket], None]:
    """Greets, and gives one answer after the other, one for each line that comes."""

    def talk(sock: socket.socket) -> None:
        for answer in answers:
            sock.sendall(answer)
            heard.append(sock.recv(10_000))

    return talk


def test_without_starttls_no_token_is_said(serve: Serve) -> None:
    heard: list[bytes] = []
    smtp = serve(talker(heard, b"220 hello\r\n", b"250-hello\r\n250 AUTH XOAUTH2\r\n"))
    assert refusal(smtp) == "smtp_unavailable SMTPNotSupportedError"
    wait_until(lambda: heard[1:], what="the end of the connection")
    assert heard == [b"ehlo [127.0.0.1]\r\n", b""]


def test_no_token_is_said_to_whom_nobody_vouches_for(serve: Serve, authority: Authority) -> None:
    heard: list[bytes] = []

    def talk(sock: socket.socket) -> None:
        talker(heard, b"220 hello\r\n", b"250-hello\r\n250 STARTTLS\r\n")(sock)
        sock.sendall(b"220 go ahead\r\n")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(authority.cert_file, authority.key_file)
        with tls.wrap_socket(sock, server_side=True) as secure:
            heard.append(secure.recv(10_000))

    assert refusal(serve(talk)) == "smtp_unavailable certificate not trusted"
    assert heard == [b"ehlo [127.0.0.1]\r\n", b"STARTTLS\r\n"]


@pytest.mark.parametrize(
    ("greeting", "detail"),
    [
        (b"554 5.3.2 Service unavailable\r\n", "SMTP 554 5.3.2"),
        (b"421 4.3.2 Service not active\r\n", "SMTP 421 4.3.2"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "SMTP -1"),
        (b"", "SMTPServerDisconnected"),
        (b"2" * 10_000, "SMTP 500"),
    ],
)
def test_a_greeting_that_is_none_may_pass(serve: Serve, greeting: bytes, detail: str) -> None:
    def talk(sock: socket.socket) -> None:
        sock.sendall(greeting)
        if greeting:
            sock.recv(1)

    assert refusal(serve(talk)) == f"smtp_unavailable {detail}"


def test_a_reply_without_an_end_is_bounded(serve: Serve) -> None:
    sent = 0

    def talk(sock: socket.socket) -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            while sent < 100_000_000:
                sent += sock.send(b"220-and so on\r\n" * 1000)

    assert refusal(serve(talk)) == "smtp_unavailable SMTPServerDisconnected"
    assert sent < 100_000_000


def test_a_server_that_says_a_byte_now_and_then_is_left_when_the_time_is_up(serve: Serve) -> None:
    def talk(sock: socket.socket) -> None:
        for byte in b"554 " + b"." * 60 + b"\r\n":
            sock.sendall(bytes([byte]))
            time.sleep(0.05)

    assert refusal(serve(talk, seconds=0.3)) == "smtp_unavailable SMTPServerDisconnected"


def test_nobody_listens(start_app: StartApp) -> None:
    closed = RawServer(lambda _: None)
    closed.close()
    smtp = start_app(SMTP_HOST=f"localhost:{closed.port}").parts.smtp
    assert refusal(smtp) == "smtp_unavailable ConnectionRefusedError"


def test_a_control_character_never_reaches_the_wire(
    start_app: StartApp, services: Services
) -> None:
    for token in ("a\r\nMAIL FROM:<x@evil.example>", "a\x01b"):
        with pytest.raises(Rejected):
            start_app().parts.smtp.submit("personal", _MAIL, token)
    assert not services.submission.logins
