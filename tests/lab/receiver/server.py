"""The receiver as a server: `/hook` and `/hook/NAME` take webhooks, the rest is for tests.

GET /received gives everything as a JSON list, DELETE /received forgets it, each with ?path= for
what came to one path, the first with ?since= for what came after the first so many; POST /mode sets
what is answered (see `modes`).
"""

import json
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from .modes import Modes, answer

_MAX_BODY_BYTES = 16 * 1024 * 1024


class Receiver:
    """Everything that came, in order. secret: `whsec_…`."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._received: list[dict[str, Any]] = []
        self._modes = Modes()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/hook{name:.*}", self._hook)
        app.router.add_get("/received", self._list)
        app.router.add_delete("/received", self._forget)
        app.router.add_post("/mode", self._mode)
        return app

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        mode = self._modes.take(request.path)
        record = self._record(request, raw)
        self._received.append(record | {"answered": mode.name})
        return await answer(request, mode)

    def _record(self, request: web.Request, raw: bytes) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        error = ""
        try:
            self._webhook.verify(raw, headers)
        except WebhookVerificationError as found:
            error = str(found)
        text = raw.decode("utf-8", "replace")
        return {
            "received_at": datetime.now(UTC).isoformat(),
            "path": request.path,
            "headers": headers,
            "body": _parsed(text),
            "raw": text,
            "verified": not error,
            "error": error,
        }

    async def _list(self, request: web.Request) -> web.Response:
        path = request.query.get("path")
        since = self._received[int(request.query.get("since", "0")) :]
        found = [one for one in since if path in (None, one["path"])]
        return web.json_response(found)

    async def _forget(self, request: web.Request) -> web.Response:
        path = request.query.get("path")
        self._received = [one for one in self._received if path not in (None, one["path"])]
        return web.Response(status=204)

    async def _mode(self, request: web.Request) -> web.Response:
        try:
            self._modes.set(await request.json())
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.Response(status=204)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
