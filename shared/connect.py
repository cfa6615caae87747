"""Connect: the login, from our own page over Microsoft's to the result page.

GET /api/login stores nothing, so that whoever scans links burns nothing. Its form starts a login:
a one-time row under the hash of our state, and a cookie of that browser. The callback turns the
row to `used` under its ETag before the code is exchanged, so a state works once, in one browser.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from shared import identity_errors, ids, instants, invitations, tend, web
from shared.enrol import Enrol, Enrolled
from shared.errors import (
    OperatorFault,
    Rejected,
    Stale,
    TryAgain,
    UnseenError,
    page_status,
    wait_seconds,
)
from shared.invitations import Invitation, Invitations
from shared.logs import Log
from shared.microsoft import Microsoft
from shared.once import LOGIN_LIFE, Login, Once
from shared.pages import Look
from shared.results import Results
from shared.settings import Settings
from shared.web import Answer, Request

log = Log(__name__)

FORM_COOKIE = "login_form"
_FORM_SECONDS = 3600
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Connect:
    """The login's three steps; each gives a whole answer and raises nothing a page can say."""

    def __init__(
        self,
        settings: Settings,
        look: Look,
        microsoft: Microsoft,
        once: Once,
        enrol: Enrol,
        links: Invitations,
        results: Results,
    ) -> None:
        self._settings = settings
        self._look = look
        self._microsoft = microsoft
        self._once = once
        self._enrol = enrol
        self._links = links
        self._results = results

    # The login page

    def ask(self, request: Request, now: datetime) -> Answer:
        """GET: says who asks and what will happen; stores nothing."""
        again = self._again(request.query)
        try:
            self._asked(request.query, now)
        except UnseenError as error:
            return self.failure(error, again)
        held = request.cookies.get(FORM_COOKIE, "")
        value = held if _STATE.match(held) else secrets.token_urlsafe(32)
        hidden = {"token": web.form_token(value), **again}
        cookie = self._cookie(FORM_COOKIE, value, "Strict", _FORM_SECONDS)
        return Answer(
            200, self._look.login(hidden), cookies=(cookie,), headers=self._look.headers()
        )

    def begin(self, request: Request, now: datetime) -> Answer:
        """POST: keeps the login and sends the browser to Microsoft."""
        again = self._again(request.form)
        try:
            if not web.is_own_form(request, FORM_COOKIE, self._settings.public_base_url):
                raise Rejected("form_refused", status=403)
            asked = self._asked(request.form, now)
            if "invitation" not in request.form and self._once.are_logins_full(
                self._settings.open_logins_limit, now
            ):
                raise Rejected("too_many_logins", status=429)
            url, flow = self._microsoft.start(asked.login_hint, asked.kind)
            cookie = secrets.token_urlsafe(32)
            login = {"flow": flow, "invitation": asked.stored, "again": again}
            self._once.open_login(flow["state"], cookie, login, now)
        except UnseenError as error:
            return self.failure(error, again)
        name = cookie_name(ids.sha256_hex(flow["state"]))
        return Answer(
            303,
            location=url,
            cookies=(self._cookie(name, cookie, "Lax", int(LOGIN_LIFE.total_seconds())),),
            headers=self._look.headers(referrer="no-referrer"),
        )

    def _asked(self, given: Mapping[str, str], now: datetime) -> Invitation:
        """What the login is for: beside an invitation, nothing else that was sent counts."""
        if "invitation" in given:
            asked = self._links.opened(given["invitation"], now)
        elif self._settings.open_connect:
            asked = Invitation(return_url=given.get("return_to", ""))
        else:
            raise Rejected("login_closed", status=403)
        if asked.return_url and not self._may_return(asked.return_url):
            raise Rejected("return_to_refused")
        return asked

    def _again(self, given: Mapping[str, str]) -> dict[str, str]:
        """What leads to the same login page once more, as far as it may be shown."""
        if "invitation" in given:
            token = given["invitation"]
            return {"invitation": token} if invitations.TOKEN.match(token) else {}
        return_to = given.get("return_to", "")
        return {"return_to": return_to} if self._may_return(return_to) else {}

    def _may_return(self, url: str) -> bool:
        return web.allowed_return(url, self._settings.return_urls)

    # The callback

    def finish(self, request: Request, now: datetime) -> Answer:
        """GET /api/callback: checks the answer, exchanges the code, makes the account."""
        again = _NOTHING
        try:
            login = self._login_of(request, now)
            again = login.data["again"]
            if login.state == "done":
                return self._told_again(login)
            if login.state != "open":
                raise Rejected("login_used", status=409)
            login = self._used(login)
            return self._exchange(login, request, now)
        except UnseenError as error:
            return self.failure(error, again)

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

    def _exchange(self, login: Login, request: Request, now: datetime) -> Answer:
        asked = invitations.of_stored(login.data["invitation"])
        again = {"again": login.data["again"]}
        try:
            enrolled = self._enrolled(login, request, now, asked)
        except UnseenError as error:
            self._keep(login, {"failed": error.code, **again}, now)
            raise
        self._keep(login, {**_outcome(enrolled), "invitation": asked.stored, **again}, now)
        messages = (tend.message(enrolled.claim),) if enrolled.claim else ()
        return Answer(
            303,
            location=self._results.way_back(enrolled, asked, now) or self._result_page(login),
            headers=self._look.headers(referrer="no-referrer"),
            messages=messages,
        )

    def _enrolled(
        self, login: Login, request: Request, now: datetime, asked: Invitation
    ) -> Enrolled:
        query = request.query
        if "error" in query:
            raise identity_errors.translate(query["error"], query.get("error_description", ""))
        if not query.get("code"):
            raise Rejected("state_missing", "code")
        answer = {name: query[name] for name in ("code", "state", "client_info") if name in query}
        sign_in = self._microsoft.finish(login.data["flow"], answer, now, asked.kind)
        return self._enrol.enrol(sign_in, now, asked)

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
            log.warning("login_outcome_not_kept")

    def _told_again(self, login: Login) -> Answer:
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

    def failure(self, error: UnseenError, again: Mapping[str, str] = _NOTHING) -> Answer:
        """The page of an error, with the status that fits; nothing of the request is shown.

        again: what "Start again" has in its query.
        """
        log.at(
            logging.ERROR if isinstance(error, OperatorFault) else logging.INFO,
            "login_failed",
            error=error,
        )
        start = f"{self._settings.public_base_url}/api/login"
        if again:
            start = web.with_query(start, **again)
        headers = self._look.headers(referrer="no-referrer")
        if seconds := wait_seconds(error):
            headers["Retry-After"] = str(seconds)
        return Answer(page_status(error), self._look.failed(error.code, start), headers=headers)

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


def _outcome(enrolled: Enrolled) -> dict[str, Any]:
    return {
        "account": enrolled.account.id,
        "generation": enrolled.account.generation,
        "address": enrolled.account.address,
        "result": enrolled.result,
    }
