"""Webhooks on the wire: sign, POST, classify the answer. Standard Webhooks 1.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.errors import Rejected
from shared.guard import Guard
from shared.guarded_sockets import open_socket
from shared.watchdog import total_deadline

_ATTEMPT_SECONDS = 15
_CONNECT_SECONDS = 5
_MAX_ANSWER_BYTES = 64 * 1024
_BEGINNING_BYTES = 1024
_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt.

    status: the HTTP status, 0 where there was none; reason: '' or a code for the log;
    retry_after_seconds: what the endpoint asked for, else None. beginning: of the answer's body,
    up to 1 KiB as text. seconds: how long it took.
    """

    status: int
    reason: str = ""
    retry_after_seconds: float | None = None
    beginning: str = field(default="", repr=False, compare=False)
    seconds: float = field(default=0.0, compare=False)

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300 and not self.reason


def signature(secret: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; timestamp in Unix seconds."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def secret_text(key: bytes) -> str:
    """A secret in the form of Standard Webhooks, as an operator is shown it."""
    return "whsec_" + base64.b64encode(key).decode()


class Sender:
    """POSTs signed webhooks; safe to share between threads.

    No proxy of the environment, no redirect, no retry of its own; the answer is read up to
    64 KiB, and one attempt ends within 15 s whatever the endpoint does. The guard is asked about
    the URL, and about each address that is connected to.
    """

    def __init__(self, ca_file: str, guard: Guard) -> None:
        self._guard = guard
        tls = ssl.create_default_context(cafile=ca_file or certifi.where())
        self._pool = urllib3.PoolManager(
            num_pools=16,
            maxsize=_CONNECTIONS,
            retries=False,
            ssl_context=tls,
        )
        self._pool.pool_classes_by_scheme = _pool_classes(guard)

    def close(self) -> None:
        self._pool.clear()

    def post(
        self,
        url: str,
        secrets: Sequence[bytes],
        webhook_id: str,
        body: bytes,
        now: datetime,
        seconds: float = _ATTEMPT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One attempt; never raises for what the endpoint does.

        headers: the endpoint's own; where one has the name of ours, ours is sent.
        """
        timestamp = int(now.timestamp())
        sent = dict(headers or {}) | {
            "Content-Type": "application/json",
            "User-Agent": "Unseen-Webhooks/1",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                signature(secret, webhook_id, timestamp, body) for secret in secrets
            ),
        }
        started = time.monotonic()
        deadline = started + min(seconds, _ATTEMPT_SECONDS)
        try:
            self._guard.check_url(url)
            answer = self._send(url, sent, body, deadline, now)
        except Rejected:
            answer = Answer(0, "address_refused")
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            late = time.monotonic() >= deadline
            answer = Answer(0, "timeout" if late else _reason(error))
        return replace(answer, seconds=time.monotonic() - started)

    def _send(
        self, url: str, headers: dict[str, str], body: bytes, deadline: float, now: datetime
    ) -> Answer:
        left = max(deadline - time.monotonic(), 0.1)
        used: list[socket.socket] = []
        _attempt.sockets = used
        with total_deadline(left, lambda: used[-1] if used else None):
            response = self._pool.request(
                "POST",
                url,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
            )
            try:
                read = response.read(_MAX_ANSWER_BYTES + 1, decode_content=False)
            finally:
                # After the answer's end this keeps the connection, before it ends it.
                response.close()
        if time.monotonic() >= deadline:
            return Answer(0, "timeout")
        return _answer(response, read, now)


# The sockets of this thread's attempt: the pool does not say which connection it took, and a
# connection forgets its socket as soon as the headers say that it will be closed.
_attempt = threading.local()


def _pool_classes(guard: Guard) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Pools whose connections note their sockets, and go only where the guard lets them."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            _attempt.sockets.append(self.sock)

        def request(self, *arguments: Any, **options: Any) -> None:
            if self.sock:
                _attempt.sockets.append(self.sock)
            super().request(*arguments, **options)

        def _new_conn(self) -> socket.socket:
            seconds = self.timeout if isinstance(self.timeout, int | float) else _CONNECT_SECONDS
            sock = open_socket(guard, self.host.strip("[]"), self.port or 443, seconds)
            _attempt.sockets.append(sock)
            return sock

    class Secure(Plain, HTTPSConnection):
        """The same over TLS."""

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _answer(response: urllib3.BaseHTTPResponse, read: bytes, now: datetime) -> Answer:
    reason = ""
    if len(read) > _MAX_ANSWER_BYTES:
        reason = "answer_too_large"
    elif 300 <= response.status < 400:
        reason = "redirect"
    elif response.status >= 400:
        reason = "refused"
    return Answer(
        response.status,
        reason,
        _retry_after(response.headers.get("Retry-After", ""), now),
        read[:_BEGINNING_BYTES].decode("utf-8", "replace"),
    )


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After in either of its forms (RFC 9110, 10.2.3)."""
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now.timestamp(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return "tls_error"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # by its class a timeout too
        return "connection_failed"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "timeout"
    return "connection_failed"
