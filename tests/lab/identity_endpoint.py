"""A stand-in for the platform's own endpoint, where a managed identity gets its tokens.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_TENANT = "5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10"
ISSUER = f"https://login.notmicrosoft.example/{_TENANT}/v2.0"
# What storage takes, of any tenant where it is the emulator.
STORAGE_ISSUER = f"https://sts.windows.net/{_TENANT}/"


class IdentityEndpoint:
    """An app's identities: one user-assigned, and the system-assigned where client_id is ''.

    status: of its next answers, 200 for a token. body: said instead of an answer's own, with that
    status. lifetime_seconds: of its next tokens; ended: they have ended, whatever it says of them.
    then: called after each token. answering: cleared, it says nothing until it is
    set. asked, given: what it was asked for, and the tokens that it gave.
    """

    def __init__(self, client_id: str, subject: str, issuer: str = ISSUER) -> None:
        self._client_id = client_id
        self._subject = subject
        self._issuer = issuer
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._header = secrets.token_hex(16)
        self.status = 200
        self.body: str | None = None
        self.lifetime_seconds = 86_400
        self.ended = False
        self.then: Callable[[], object] = lambda: None
        self.answering = threading.Event()
        self.answering.set()
        self.asked: list[dict[str, str]] = []
        self.given: list[str] = []
        identity = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                status, content = identity._answer(
                    {name: values[0] for name, values in query.items()},
                    self.headers.get("X-IDENTITY-HEADER", ""),
                )
                identity.answering.wait(30)
                body = (json.dumps(content) if identity.body is None else identity.body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """What was asked is in `asked`."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What the platform puts into the app's environment."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}/msi/token"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": self._header}

    @property
    def public_key(self) -> str:
        public = self._key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def _answer(self, query: dict[str, str], header: str) -> tuple[int, dict[str, object]]:
        self.asked.append(query)
        if self.status != 200:
            return self.status, {"statusCode": self.status, "message": "as the test was told"}
        if query.get("api-version") != "2019-08-01":
            return 400, {"statusCode": 400, "message": "Unsupported api-version"}
        if header != self._header or query.get("client_id", "") != self._client_id:
            return 400, {"statusCode": 400, "message": "No User Assigned Identity found"}
        ends = int(time.time()) + self.lifetime_seconds
        token = self._token(query.get("resource", ""), 1_000_000_000 if self.ended else ends)
        self.given.append(token)
        self.then()
        return 200, {
            "access_token": token,
            "expires_on": str(ends),
            "resource": query.get("resource", ""),
            "token_type": "Bearer",
            "client_id": self._client_id,
        }

    def _token(self, resource: str, ends: int) -> str:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": self._subject,
            "aud": resource,
            "iat": now,
            "nbf": min(now, ends),
            "exp": ends,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "identity"})

    def close(self) -> None:
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever waited no longer does not read the answer."""
