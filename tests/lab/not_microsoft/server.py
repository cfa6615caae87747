"""NotMicrosoft as a server: routes over https, and the faults that a test asked for."""

import asyncio
import json
import logging
import ssl
import threading
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from .app_only import CHANGE_WHAT_DOVECOT_KNOWS, AppOnly
from .assertions import Assertions
from .authorize import Authorize
from .control import ControlApi
from .dovecot_users import SETTLED_SECONDS, DovecotUsers
from .id_tokens import Signer
from .people import People, tenant_id
from .records import Records
from .switches import ERRORS, Fault, Switches
from .token_endpoint import Refused, TokenEndpoint, error_json
from .tokens import Tokens

log = logging.getLogger("not_microsoft")


class NotMicrosoft:
    """The stand-in; `start` serves in a thread of its own, `run` in the caller's loop."""

    def __init__(
        self,
        port: int,
        cert_file: Path,
        key_file: Path,
        client_id: str,
        client_secret: str,
        redirect_uris: list[str],
        app_users: Path | None = None,
    ) -> None:
        self.url = f"https://localhost:{port}"
        self._port = port
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(cert_file, key_file)
        users = DovecotUsers(app_users)
        people, tokens, switches, records = People(), Tokens(users), Switches(), Records()
        signer = Signer(self.url)
        self._signer = signer
        self._switches = switches
        self._tokens = tokens
        self._authorize = Authorize(client_id, redirect_uris, people, tokens)
        assertions, app = Assertions(client_id), AppOnly(people, client_id, users)
        self._people, self._app_only = people, app
        self._token = TokenEndpoint(
            client_id,
            client_secret,
            assertions,
            app,
            tokens,
            signer,
            switches,
            records,
            self._authorize.is_registered,
        )
        self._control = ControlApi(people, tokens, switches, records, assertions, app)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ending: asyncio.Event | None = None

    # Life

    async def run(self, ready: threading.Event, ending: asyncio.Event) -> None:
        """Serves until `ending` is set."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "localhost", self._port, ssl_context=self._tls)
        try:
            await site.start()
            ready.set()
            await ending.wait()
        finally:
            await runner.cleanup()

    def start(self) -> None:
        ready = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._ending = asyncio.Event()
            await self.run(ready, self._ending)

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("NotMicrosoft did not start")

    def stop(self) -> None:
        if self._loop and self._ending and self._thread:
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(10)

    # Routes

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_logged])
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._keys)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._begin)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._tokens_for)
        app.router.add_get("/{tenant}/v2.0/adminconsent", self._admin_consent)
        app.router.add_post("/admin-consent", self._admin_decided)
        app.router.add_post("/sign-in", self._step)
        app.router.add_route("*", "/introspect", self._introspect)
        app.router.add_post("/control/{action}", self._controlled)
        return app

    async def _discovery(self, request: web.Request) -> web.StreamResponse:
        fault = self._switches.take("discovery")
        if fault:
            return await self._faulty(request, fault)
        tenant = request.match_info["tenant"]
        issuer = tenant_id(self._people, tenant)
        if not issuer:
            return _json(400, error_json("invalid_tenant", 90002))
        base = f"{self.url}/{tenant}"
        return web.json_response(
            {
                "issuer": f"{self.url}/{issuer}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self._signer.jwks())

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        fault = self._switches.take("authorize")
        if fault:
            return await self._faulty(request, fault)
        return _shown(self._authorize.begin(request.match_info["tenant"], request.query))

    async def _admin_consent(self, request: web.Request) -> web.StreamResponse:
        tenant, query = request.match_info["tenant"], request.query
        status, html = self._app_only.page(tenant, query, self._authorize.is_registered)
        return _shown((status, html, ""))

    async def _admin_decided(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return _shown((302, "", self._app_only.decided(form)))

    async def _step(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return _shown(self._authorize.step(form))

    async def _tokens_for(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        tenant = request.match_info["tenant"]
        fault = self._switches.take("token", self._token.username_of(form))
        if fault is None:
            return _json(*self._token.answer(tenant, form))
        if fault.kind == "lost_answer":
            self._token.answer(tenant, form)
            return _dropped(request)
        if fault.kind in ERRORS or fault.kind == "error":
            status, error, code = ERRORS.get(fault.kind, (400, fault.error, fault.code))
            return _json(*self._token.answer(tenant, form, Refused(error, code, status)))
        self._token.answer(tenant, form, Refused(fault.kind, 0, fault.status))
        return await self._faulty(request, fault)

    async def _introspect(self, request: web.Request) -> web.StreamResponse:
        fault = self._switches.take("introspect")
        if fault:
            return await self._faulty(request, fault)
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = dict(request.query) | form
        found = self._tokens.introspect(asked.get("token", ""), asked.get("user", ""))
        return web.json_response(found)

    async def _controlled(self, request: web.Request) -> web.StreamResponse:
        try:
            arguments = await request.json() if request.can_read_body else {}
            action = request.match_info["action"]
            answer = self._control.act(action, arguments)
            if action in CHANGE_WHAT_DOVECOT_KNOWS:
                await asyncio.sleep(SETTLED_SECONDS - time.time() % 1)
        except (LookupError, TypeError, ValueError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response({"answer": answer})

    async def _faulty(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case "html":
                return web.Response(text="<html>maintenance</html>", content_type="text/html")
            case "cut_json":
                # Cut behind a token: whoever logs an answer that is no JSON logs that.
                cut = '{"token_type": "Bearer", "access_token": "EwB4' + "x" * 200
                return web.Response(text=cut, content_type="application/json")
            case "timeout":
                await asyncio.sleep(fault.seconds)
                return _dropped(request)
            case "drop" | "lost_answer":
                return _dropped(request)
            case _:
                headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
                body = json.dumps({"error": "temporarily_unavailable"})
                return web.Response(
                    status=fault.status,
                    text=body,
                    content_type="application/json",
                    headers=headers,
                )


def _shown(outcome: tuple[int, str, str]) -> web.StreamResponse:
    status, html, location = outcome
    headers = {"Location": location} if location else {}
    return web.Response(status=status, text=html, content_type="text/html", headers=headers)


def _json(status: int, content: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(content, status=status)


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()


@web.middleware
async def _logged(request: web.Request, handler: Any) -> web.StreamResponse:
    """One line a request: method, path and status; never a query, a code or a token."""
    response: web.StreamResponse = await handler(request)
    if not request.path.startswith(("/control", "/introspect")):
        log.info("%s %s %d", request.method, request.path, response.status)
    return response
