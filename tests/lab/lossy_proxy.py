"""A proxy before storage whose answers can get lost."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .azurite import Azurite

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class LossyProxy:
    """Passes requests for tables on, except what it was told about; see `lose` and `refuse`."""

    def __init__(self, azurite: Azurite, account: int) -> None:
        self._connection_string = azurite.connection_string(account)
        parts = dict(part.split("=", 1) for part in self._connection_string.split(";") if part)
        self._endpoint = parts["TableEndpoint"]
        self._target = urlsplit(self._endpoint).netloc
        self._lost = 0
        self._refused = 0
        self._refusal = 503
        self.requests: list[str] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            lossy = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def connection_string(self) -> str:
        """Of the same storage, through the proxy."""
        host, port = self._server.server_address[:2]
        proxied = self._endpoint.replace(self._target, f"{host!s}:{port}")
        return self._connection_string.replace(self._endpoint, proxied)

    def lose(self, answers: int = 1) -> None:
        """The next so many writes are made, and their answers get lost."""
        self._lost = answers

    def refuse(self, requests: int, status: int = 503) -> None:
        """The next so many requests are answered with that status, and nothing is done."""
        self._refused, self._refusal = requests, status

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """Status, headers and body of the answer; None where it is lost."""
        with self._lock:
            self.requests.append(f"{method} {path}")
            if self._refused:
                self._refused -= 1
                return self._refusal, [], b""
            lost = self._lost > 0 and method != "GET"
            self._lost -= lost
        upstream = http.client.HTTPConnection(self._target, timeout=30)
        try:
            upstream.request(method, path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        return None if lost else (answer.status, answer.getheaders(), content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer are written apart
    lossy: LossyProxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.lossy.pass_on(self.command, self.path, dict(self.headers.items()), body)
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
