"""An HTTP proxy before one of the services, which can fail it, and says when what passes."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .azurite import Azurite

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length"}

# Told of each request before it is passed on, and of each answer before it goes back.
type Watcher = Callable[[str, str], None]


class HttpProxy:
    """Passes requests on, except what it was told about; see `lose`, `refuse` and `watch`."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self._lost = 0
        self._refused = 0
        self._refusal = 503
        self._watcher: Watcher | None = None
        self.requests: list[str] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            passing = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def lose(self, answers: int = 1) -> None:
        """The next so many writes are made, and their answers get lost."""
        self._lost = answers

    def refuse(self, requests: int, status: int = 503) -> None:
        """The next so many requests are answered with that status, and nothing is done."""
        self._refused, self._refusal = requests, status

    def watch(self, watcher: Watcher | None) -> None:
        """Tells it `request` or `answer`, and `METHOD path`; None ends it."""
        self._watcher = watcher

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """Status, headers and body of the answer; None where it is lost."""
        what = f"{method} {path}"
        with self._lock:
            self.requests.append(what)
            if self._refused:
                self._refused -= 1
                return self._refusal, [], b""
            lost = self._lost > 0 and method != "GET"
            self._lost -= lost
        self._tell("request", what)
        upstream = http.client.HTTPConnection(self._target, timeout=30)
        try:
            upstream.request(method, path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        self._tell("answer", what)
        return None if lost else (answer.status, answer.getheaders(), content)

    def _tell(self, phase: str, what: str) -> None:
        if self._watcher:
            self._watcher(phase, what)


class TableProxy(HttpProxy):
    """Before the tables of one of Azurite's accounts."""

    def __init__(self, azurite: Azurite, account: int) -> None:
        self._begin(azurite.connection_string(account))

    @classmethod
    def before(cls, connection_string: str) -> "TableProxy":
        """Before storage that others come to without it, or through a proxy of their own."""
        proxy = cls.__new__(cls)
        proxy._begin(connection_string)
        return proxy

    def _begin(self, connection_string: str) -> None:
        self._connection_string = connection_string
        parts = dict(part.split("=", 1) for part in self._connection_string.split(";") if part)
        self._endpoint = parts["TableEndpoint"]
        super().__init__(self._endpoint)

    @property
    def connection_string(self) -> str:
        """Of the same storage, through the proxy."""
        proxied = self._endpoint.replace(f"http://{self._target}", self.url)
        return self._connection_string.replace(self._endpoint, proxied)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was killed does not read the answer; that is the point."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer are written apart
    passing: HttpProxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            answer = self.passing.pass_on(self.command, self.path, dict(self.headers), body)
        except (OSError, http.client.HTTPException):  # what is behind ended it
            answer = None
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
