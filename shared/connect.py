"""Connect: the login, from our own page over Microsoft's to the result page.

GET /api/login stores nothing, so that whoever scans links burns nothing. Its form starts a login:
a one-time row under the hash of our state, and a cookie of that browser. The callback turns the
row to `used` under its ETag before the code is exchanged, so a state works once, in one browser.
"""

import logging
import re
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared import identity_errors, ids, instants, tend, web
from shared.enrol import Enrol, Enrolled
from shared.errors import (
    OperatorFault,
    ReconnectNeeded,
    Rejected,
    Stale,
    TryAgain,
    UnseenError,
)
from shared.microsoft import Microsoft
from shared.once import LOGIN_LIFE, Login, Once
from shared.pages import Look
from shared.settings import Settings
from shared.web import Answer, Request

log = logging.getLogger(__name__)

FORM_COOKIE = "login_form"
_FORM_SECONDS = 3600
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class Connect:
    """The login's three steps; each gives a whole answer and raises nothing a page can say."""

    def __init__(
        self, settings: Settings, look: Look, microsoft: Microsoft, once: Once, enrol: Enrol
    ) -> None:
        self._settings = settings
        self._look = look
        self._microsoft = microsoft
        self._once = once
        self._enrol = enrol

    # The login page

    def ask(self, request: Request) -> Answer:
        """GET: says who asks and what will happen; stores nothing."""
        refused = self._refused(request.query.get("return_to", ""))
        if refused:
            return self.failure(refused)
        held = request.cookies.get(FORM_COOKIE, "")
        value = held if _STATE.match(held) else secrets.token_urlsafe(32)
        hidden = {"token": web.form_token(value)}
        if "return_to" in request.query:
            hidden["return_to"] = request.query["return_to"]
        cookie = self._cookie(FORM_COOKIE, value, "Strict", _FORM_SECONDS)
        return Answer(
            200, self._look.login(hidden), cookies=(cookie,), headers=self._look.headers()
        )

    def begin(self, request: Request, now: datetime) -> Answer:
        """POST: keeps the login and sends the browser to Microsoft."""
        if not web.is_own_form(request, FORM_COOKIE, self._settings.public_base_url):
            return self.failure(Rejected("form_refused", status=403))
        return_to = request.form.get("return_to", "")
        refused = self._refused(return_to)
        if refused:
            return self.failure(refused)
        try:
            if self._once.are_logins_full(self._settings.open_logins_limit, now):
                raise Rejected("too_many_logins", status=429)
            url, flow = self._microsoft.start()
            cookie = secrets.token_urlsafe(32)
            self._once.open_login(
                flow["state"], cookie, {"flow": flow, "return_to": return_to}, now
            )
        except UnseenError as error:
            return self.failure(error, return_to)
        name = cookie_name(ids.sha256_hex(flow["state"]))
        return Answer(
            303,
            location=url,
            cookies=(self._cookie(name, cookie, "Lax", int(LOGIN_LIFE.total_seconds())),),
            headers=self._look.headers(referrer="no-referrer"),
        )

    def _refused(self, return_to: str) -> Rejected | None:
        if not self._settings.open_connect:
            return Rejected("login_closed", status=403)
        if return_to and not web.allowed_return(return_to, self._settings.return_urls):
            return Rejected("return_to_refused")
        return None

    # The callback

    def finish(self, request: Request, now: datetime) -> Answer:
        """GET /api/callback: checks the answer, exchanges the code, makes the account."""
        return_to = ""
        try:
            login = self._login_of(request, now)
            return_to = str(login.data.get("return_to", ""))
            if login.state == "done":
                return self._told_again(login, return_to)
            if login.state != "open":
                raise Rejected("login_used", status=409)
            login = self._used(login)
            return self._exchange(login, request, now, return_to)
        except UnseenError as error:
            return self.failure(error, return_to)

    def _login_of(self, request: Request, now: datetime) -> Login:
        """The row that the state names, in the browser that began it."""
        state = request.query.get("state", "")
        if not state:
            raise Rejected("state_missing")
        login = self._once.login(ids.sha256_hex(state)) if _STATE.match(state) else None
        if login is None:
            raise Rejected("login_unknown")
        held = request.cookies.get(cookie_name(login.key), "")
        if not web.same(ids.sha256_hex(held), login.cookie):
            raise Rejected("login_cookie_missing")
        if login.expires_at <= instants.text(now):
            raise Rejected("login_expired")
        return login

    def _used(self, login: Login) -> Login:
        """One of many callbacks with the same state gets through; the others find it used."""
        try:
            return replace(
                login, state="used", etag=self._once.change(replace(login, state="used"))
            )
        except Stale:
            raise Rejected("login_used", status=409) from None

    def _exchange(self, login: Login, request: Request, now: datetime, return_to: str) -> Answer:
        try:
            enrolled = self._enrolled(login, request, now)
        except UnseenError as error:
            self._keep(login, {"failed": error.code, "return_to": return_to}, now)
            raise
        self._keep(login, _outcome(enrolled, return_to), now)
        messages = (tend.message(enrolled.claim),) if enrolled.claim else ()
        location = self._result_page(login)
        if return_to and enrolled.result != "blocked":
            location = web.with_query(
                return_to, status=enrolled.result, reference=enrolled.account.reference
            )
        return Answer(
            303,
            location=location,
            headers=self._look.headers(referrer="no-referrer"),
            messages=messages,
        )

    def _enrolled(self, login: Login, request: Request, now: datetime) -> Enrolled:
        query = request.query
        if "error" in query:
            raise identity_errors.translate(query["error"], query.get("error_description", ""))
        if not query.get("code"):
            raise Rejected("state_missing", "code")
        answer = {name: query[name] for name in ("code", "state", "client_info") if name in query}
        sign_in = self._microsoft.finish(login.data["flow"], answer, now)
        return self._enrol.enrol(sign_in, now)

    def _keep(self, login: Login, outcome: dict[str, Any], now: datetime) -> None:
        """What came of it, in place of the flow: a reload can then say what happened.

        The login lives ten minutes more, for "Check again". Where this write fails the account
        is connected all the same.
        """
        expires = instants.after(now, LOGIN_LIFE.total_seconds())
        done = replace(login, state="done", data=outcome, expires_at=expires)
        try:
            self._once.change(done)
        except (Stale, TryAgain):
            log.warning("outcome of a login not kept")

    def _told_again(self, login: Login, return_to: str) -> Answer:
        if "failed" in login.data:
            raise Rejected(str(login.data["failed"]))
        headers = self._look.headers(referrer="no-referrer")
        if login.data["result"] != "connected":  # its page knows how it stands now
            return Answer(303, location=self._result_page(login), headers=headers)
        html = self._look.connected(str(login.data["address"]), already=True)
        return Answer(200, html, headers=headers)

    # Pages

    def _result_page(self, login: Login) -> str:
        return f"{self._settings.public_base_url}/api/connected?login={login.key}"

    def failure(self, error: UnseenError, return_to: str = "") -> Answer:
        """The page of an error, with the status that fits; nothing of the request is shown."""
        log.log(
            logging.ERROR if isinstance(error, OperatorFault) else logging.INFO,
            "login failed: %s",
            error,
        )
        start = f"{self._settings.public_base_url}/api/login"
        if return_to:
            start = web.with_query(start, return_to=return_to)
        return Answer(
            _status(error),
            self._look.failed(error.code, start),
            headers=self._look.headers(referrer="no-referrer"),
        )

    def _cookie(self, name: str, value: str, same_site: str, seconds: int) -> str:
        return web.cookie(
            name,
            value,
            same_site=same_site,
            seconds=seconds,
            secure=self._settings.secure_cookies,
        )


def cookie_name(login_key: str) -> str:
    """The per-login cookie: two logins in two tabs don't take each other's."""
    return f"login_{login_key[:16]}"


def _outcome(enrolled: Enrolled, return_to: str) -> dict[str, Any]:
    return {
        "account": enrolled.account.id,
        "generation": enrolled.account.generation,
        "address": enrolled.account.address,
        "result": enrolled.result,
        "return_to": return_to,
    }


def _status(error: UnseenError) -> int:
    match error:
        case Rejected(status=status):
            return status
        case ReconnectNeeded():
            return 400
        case OperatorFault():
            return 500
        case _:
            return 503
