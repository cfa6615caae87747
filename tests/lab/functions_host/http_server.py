"""The HTTP side: functions under their routes, and the host's admin API."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from .errors import HostError
from .functions import Function, HttpTrigger
from .http_messages import raw_path, request_datum, response
from .invocations import Invocations
from .keys import Keys
from .routes import Match, Routes

_LOG = logging.getLogger("Host.Http")
_MOST_BODY_BYTES = 100 * 1024 * 1024
# The host's own grace is shorter and decides.
_LONGEST_STOP_SECONDS = 3600.0

Fire = Callable[[str], None]


class HttpServer:
    """Serves the app's HTTP functions on localhost, and `/admin/…` with the master key.

    `triggers` gives, for each function that the admin API can fire, what fires it with an input.
    """

    def __init__(
        self,
        routes: Routes,
        functions: list[Function],
        invocations: Invocations,
        keys: Keys,
        triggers: dict[str, Fire],
    ) -> None:
        self._routes = routes
        self._functions = functions
        self._invocations = invocations
        self._keys = keys
        self._triggers = triggers
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Listen, on a free port where `port` is 0, and give the port; raises HostError."""
        app = web.Application(client_max_size=_MOST_BODY_BYTES)
        app.router.add_get("/admin/host/ping", _ping)
        app.router.add_get("/admin/host/status", self._admin(self._status))
        app.router.add_post("/admin/functions/{name}", self._admin(self._fire))
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_LONGEST_STOP_SECONDS
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise HostError(f"port {port} is taken") from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Take no further connection and wait for the requests that are being answered."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        match = self._routes.match(request.method, raw_path(request))
        if match is None:
            return web.Response(status=404)
        if not self._keys.allow(match.trigger.auth_level, request):
            return web.Response(status=401)
        # A client that goes away does not stop the run.
        return await asyncio.shield(self._invocations.start(self._run(match, request)))

    async def _run(self, match: Match, request: web.Request) -> web.Response:
        datum = await request_datum(request, match.parameters)
        outcome = await self._invocations.run(match.function, datum, {})
        if outcome.failure is not None:
            return web.Response(status=500)
        answer = dict(outcome.outputs).get(match.trigger.answer, outcome.returned)
        try:
            return response(answer)
        except (ValueError, TypeError) as error:
            # The error's text may quote a header.
            _LOG.error(
                "function %s: its answer is no valid HTTP (%s)",
                match.function.name,
                type(error).__name__,
            )
            return web.Response(status=500)

    def _admin(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guarded(request: web.Request) -> web.Response:
            if not self._keys.allow("admin", request):
                return web.Response(status=401)
            return await handler(request)

        return guarded

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"state": "Running", "functions": [function.name for function in self._functions]}
        )

    async def _fire(self, request: web.Request) -> web.Response:
        wanted = request.match_info["name"].lower()
        function = next((one for one in self._functions if one.name.lower() == wanted), None)
        if function is None:
            return web.Response(status=404)
        if isinstance(function.trigger, HttpTrigger):
            return web.Response(status=400, text="an HTTP function is called by its route")
        try:
            body = json.loads(await request.read())
            given = body.get("input") or ""
        except (ValueError, AttributeError):
            return web.Response(status=400, text='the body must be {"input": "…"}')
        self._triggers[function.name](given if isinstance(given, str) else json.dumps(given))
        return web.Response(status=202)


async def _ping(request: web.Request) -> web.Response:
    return web.Response()
