"""Webhooks on the wire: signed as the standard says, and bounded whatever an endpoint does."""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.guard import Guard
from shared.webhooks import Answer, Sender, signature
from tests.lab.certificates import Authority
from tests.lab.raw_server import RawServer
from tests.lab.services import Services

type Serve = Callable[..., RawServer]

_SECRET, _OTHER = b"s" * 32, b"o" * 32
_ID = "msg_aaaaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbb"
_BODY = '{"type":"mail.received","data":{"subject":"会議"}}'.encode()
_LIMIT = 64 * 1024


def whsec(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


# What a lab may send to.
OPEN = Guard(private=True)


@pytest.fixture(scope="module")
def sender() -> Iterator[Sender]:
    found = Sender("", OPEN)
    yield found
    found.close()


@pytest.fixture(scope="module")
def trusting(authority: Authority) -> Iterator[Sender]:
    """A sender that trusts the tests' own authority."""
    found = Sender(str(authority.ca_file), OPEN)
    yield found
    found.close()


@pytest.fixture
def serve(authority: Authority) -> Iterator[Serve]:
    """Starts servers that are a function."""
    servers: list[RawServer] = []

    def start(talk: Callable[[socket.socket], None], *, tls: bool = False) -> RawServer:
        servers.append(RawServer(talk, authority if tls else None))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def request_of(sock: socket.socket) -> bytes:
    """Reads one request, as far as its Content-Length says; b'' where none comes."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (part := sock.recv(65_536)):
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body


def saying(*parts: bytes) -> Callable[[socket.socket], None]:
    """Answers one request with these bytes, and then waits for the other side to end it."""

    def talk(sock: socket.socket) -> None:
        request_of(sock)
        for part in parts:
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)

    return talk


def endlessly(head: bytes, part: bytes, seconds: float = 0) -> Callable[[socket.socket], None]:
    """Begins an answer that never ends."""

    def talk(sock: socket.socket) -> None:
        request_of(sock)
        sock.sendall(head)
        while True:
            threading.Event().wait(seconds)
            sock.sendall(part)

    return talk


def silent(sock: socket.socket) -> None:
    while sock.recv(65_536):
        pass


def post(
    sender: Sender, server: RawServer | str, seconds: float = 10, scheme: str = "http"
) -> Answer:
    url = server if isinstance(server, str) else f"{scheme}://localhost:{server.port}/hook"
    return sender.post(url, [_SECRET], _ID, _BODY, datetime.now(UTC), seconds)


# The signature


def test_the_signature_is_that_of_the_specifications_example() -> None:
    secret = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'
    found = signature(secret, "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert found == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def signed(now: datetime, *secrets: bytes) -> dict[str, str]:
    """The headers of a webhook that was sent at that time."""
    timestamp = int(now.timestamp())
    signatures = [signature(secret, _ID, timestamp, _BODY) for secret in secrets]
    return {
        "webhook-id": _ID,
        "webhook-timestamp": f"{timestamp}",
        "webhook-signature": " ".join(signatures),
    }


def test_t19_the_official_library_verifies() -> None:
    Webhook(whsec(_SECRET)).verify(_BODY, signed(datetime.now(UTC), _SECRET))


def test_t19_while_a_secret_rotates_both_verify() -> None:
    headers = signed(datetime.now(UTC), _OTHER, _SECRET)
    for secret in (_SECRET, _OTHER):
        Webhook(whsec(secret)).verify(_BODY, headers)


@pytest.mark.parametrize(
    ("body", "changed", "secret", "age"),
    [
        (_BODY + b" ", {}, _SECRET, 0),
        (_BODY, {"webhook-id": f"{_ID}x"}, _SECRET, 0),
        (_BODY, {"webhook-timestamp": f"{int(time.time()) + 60}"}, _SECRET, 0),
        (_BODY, {"webhook-signature": "v1,AAAA"}, _SECRET, 0),
        (_BODY, {}, _OTHER, 0),
        (_BODY, {}, _SECRET, 600),
    ],
    ids=["edited", "another id", "another time", "no signature", "foreign", "stale"],
)
def test_t19_the_official_library_refuses_what_is_not_ours(
    body: bytes, changed: dict[str, str], secret: bytes, age: int
) -> None:
    headers = signed(datetime.now(UTC) - timedelta(seconds=age), _SECRET) | changed
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(secret)).verify(body, headers)


# One attempt


def test_a_webhook_arrives_whole_and_verified(services: Services, sender: Sender) -> None:
    secret = base64.b64decode(services.webhook_secret.removeprefix("whsec_"))
    url = f"{services.receiver.url}/hook/whole"
    assert sender.post(url, [secret], _ID, _BODY, datetime.now(UTC)).delivered
    (found,) = services.receiver.received(path="/hook/whole")
    assert (found["verified"], found["raw"].encode()) == (True, _BODY)
    assert found["headers"]["content-type"] == "application/json"
    assert found["headers"]["webhook-id"] == _ID


def test_a_new_attempt_has_the_same_id_and_a_new_time(serve: Serve, sender: Sender) -> None:
    seen: list[bytes] = []
    server = serve(lambda sock: _recording(sock, seen))
    for minute in (0, 1):
        now = datetime(2026, 1, 31, 12, minute, tzinfo=UTC)
        sender.post(f"http://localhost:{server.port}/", [_SECRET], _ID, _BODY, now)
    first, second = seen
    assert first.count(_ID.encode()) == second.count(_ID.encode()) == 1
    assert b"webhook-timestamp: 1769860800\r\n" in first
    assert b"webhook-timestamp: 1769860860\r\n" in second


def _recording(sock: socket.socket, seen: list[bytes]) -> None:
    """Answers every request of a connection."""
    while request := request_of(sock):
        seen.append(request)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_a_connection_is_used_again(serve: Serve, sender: Sender) -> None:
    connections: list[socket.socket] = []
    seen: list[bytes] = []

    def talk(sock: socket.socket) -> None:
        connections.append(sock)
        _recording(sock, seen)

    server = serve(talk)
    assert [post(sender, server).status for _ in range(3)] == [204, 204, 204]
    assert len(connections) == 1


def test_a_connection_that_the_endpoint_ended_is_made_anew(serve: Serve, sender: Sender) -> None:
    server = serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n"))
    for _ in range(3):
        assert post(sender, server).status == 204
        server.wait()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((200, ""), (201, ""), (204, ""), (299, "")),
        *((300, "redirect"), (301, "redirect"), (302, "redirect"), (304, "redirect")),
        *((307, "redirect"), (308, "redirect"), (400, "refused"), (404, "refused")),
        *((410, "refused"), (429, "refused"), (500, "refused"), (503, "refused")),
    ],
)
def test_f33_only_a_2xx_is_a_delivery(
    serve: Serve, sender: Sender, status: int, reason: str
) -> None:
    server = serve(saying(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status))
    answer = post(sender, server)
    assert (answer.status, answer.reason, answer.delivered) == (status, reason, not reason)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_t15_a_redirect_is_not_followed(serve: Serve, sender: Sender, status: int) -> None:
    hits: list[bytes] = []
    target = serve(lambda sock: _recording(sock, hits))
    head = f"HTTP/1.1 {status} x\r\nLocation: http://localhost:{target.port}/\r\n\r\n"
    assert not post(sender, serve(saying(head.encode()))).delivered
    assert hits == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("-5", None),
        ("soon", None),
        ("9" * 30, None),
        ("\xb2", None),
        ("", None),
        ("Fri, 31 Jan 2020 12:00:00 GMT", 0.0),
        ("Fri, 31 Foo 2020 12:00:00 GMT", None),
    ],
)
def test_f33_retry_after_is_read_where_it_can_be(
    serve: Serve, sender: Sender, value: str, seconds: float | None
) -> None:
    head = f"HTTP/1.1 429 x\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n"
    assert post(sender, serve(saying(head.encode("latin-1")))).retry_after_seconds == seconds


def test_f33_retry_after_may_be_a_date(serve: Serve, sender: Sender) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    head = f"HTTP/1.1 503 x\r\nContent-Length: 0\r\nRetry-After: {then}\r\n\r\n"
    seconds = post(sender, serve(saying(head.encode()))).retry_after_seconds
    assert seconds is not None
    assert 590 < seconds <= 600


# What endpoints do


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize(("size", "reason"), [(_LIMIT, ""), (_LIMIT + 1, "answer_too_large")])
def test_f31_an_answer_has_at_most_64_kib(
    serve: Serve, sender: Sender, size: int, reason: str, framed: bool
) -> None:
    length = f"Content-Length: {size}\r\n" if framed else "Connection: close\r\n"
    server = serve(saying(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode(), b"x" * size))
    answer = post(sender, server)
    assert (answer.status, answer.reason) == (200, reason)


def test_f31_an_answer_without_end_is_left(serve: Serve, sender: Sender) -> None:
    answer = post(sender, serve(endlessly(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096)))
    assert (answer.delivered, answer.reason) == (False, "answer_too_large")


def test_f31_a_compressed_answer_is_not_unpacked(serve: Serve, sender: Sender) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk"
    assert post(sender, serve(saying(head))).delivered


_DRIPS = {
    "kept open": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
    "to be closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    "of old": b"HTTP/1.0 200 OK\r\n\r\n",
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "status line": b"HTTP/1.1 2",
    "header": b"HTTP/1.1 200 OK\r\nX: ",
}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("kind", _DRIPS)
def test_f31_a_dripping_answer_ends_with_the_deadline(
    serve: Serve, trusting: Sender, kind: str, tls: bool
) -> None:
    part = b"1\r\nx\r\n" if kind == "in chunks" else b"x"
    server = serve(endlessly(_DRIPS[kind], part, seconds=0.02), tls=tls)
    began = time.monotonic()
    answer = post(trusting, server, 0.1, "https" if tls else "http")
    assert (answer.delivered, answer.reason) == (False, "timeout")
    assert time.monotonic() - began < 3


def test_f31_a_dripping_answer_on_a_used_connection_ends_with_the_deadline_too(
    serve: Serve, sender: Sender
) -> None:
    drip = endlessly(_DRIPS["to be closed"], b"x", seconds=0.02)

    def talk(sock: socket.socket) -> None:
        request_of(sock)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        drip(sock)

    server = serve(talk)
    assert post(sender, server).delivered
    assert post(sender, server, 0.15).reason == "timeout"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_f31_an_endpoint_that_says_nothing_ends_with_the_deadline(
    serve: Serve, sender: Sender, scheme: str
) -> None:
    began = time.monotonic()
    answer = post(sender, serve(silent), 0.15, scheme)
    assert answer == Answer(0, "timeout")
    assert time.monotonic() - began < 3


def test_f31_continue_without_end_ends_with_the_deadline(serve: Serve, sender: Sender) -> None:
    server = serve(endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))
    assert post(sender, server, 0.15).reason == "timeout"


def test_f31_a_slow_answer_ends_with_the_deadline(services: Services, sender: Sender) -> None:
    services.receiver.answer({"seconds": 2}, path="/hook/slow")
    assert post(sender, f"{services.receiver.url}/hook/slow", 0.15).reason == "timeout"


def test_f31_no_time_left_is_a_timeout_too(serve: Serve, sender: Sender) -> None:
    assert post(sender, serve(silent), -5).reason == "timeout"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"junk\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000,
    ],
)
def test_f31_what_is_no_whole_answer_is_no_delivery(
    serve: Serve, sender: Sender, said: bytes
) -> None:
    assert post(sender, serve(saying(said))) == Answer(0, "connection_failed")


def test_f31_a_reset_is_no_delivery(services: Services, sender: Sender) -> None:
    services.receiver.answer({"kind": "reset"}, path="/hook/reset")
    url = f"{services.receiver.url}/hook/reset"
    assert post(sender, url) == Answer(0, "connection_failed")


def test_f31_an_endpoint_that_is_away_is_no_delivery(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert post(sender, f"http://localhost:{port}/") == Answer(0, "connection_failed")


def test_f31_nothing_is_sent_over_an_untrusted_certificate(serve: Serve, sender: Sender) -> None:
    seen: list[bytes] = []
    server = serve(lambda sock: _recording(sock, seen), tls=True)
    assert post(sender, server, scheme="https") == Answer(0, "tls_error")
    assert seen == []


def test_a_trusted_certificate_is_trusted(serve: Serve, trusting: Sender) -> None:
    server = serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), tls=True)
    assert post(trusting, server, scheme="https").delivered


def test_t15_proxies_of_the_environment_are_not_used(
    serve: Serve, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(sender, serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n"))).delivered


def test_i5_one_endpoint_that_hangs_does_not_hold_up_another(serve: Serve, sender: Sender) -> None:
    hanging = serve(silent)
    waiting = threading.Thread(target=post, args=(sender, hanging))
    waiting.start()
    assert post(sender, serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n"))).delivered
    assert waiting.is_alive()
    hanging.close()
    waiting.join()
