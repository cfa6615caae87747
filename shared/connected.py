"""Connected: the clean result page of a login, and what its owner can still do there.

The page reads the login's row through that login's cookie; of the query it takes only the row's
key, and shows nothing of it.
"""

import re
from dataclasses import replace
from datetime import datetime

from shared import account_forms, ids, instants, invitations, tend, web
from shared.account_rows import Account
from shared.accounts import Accounts
from shared.connect import Connect, cookie_name
from shared.enrol import Enrol
from shared.errors import Rejected, Stale, UnseenError
from shared.invitations import Invitation
from shared.once import Login, Once
from shared.pages import Look
from shared.renew import Renewal
from shared.results import Results
from shared.settings import Settings
from shared.web import Answer, Request

_KEY = re.compile(r"[0-9a-f]{64}\Z")
_TRIES = 5


class Connected:
    """The result page. `connect` says what a failure looks like."""

    def __init__(
        self,
        settings: Settings,
        look: Look,
        once: Once,
        accounts: Accounts,
        enrol: Enrol,
        renewal: Renewal,
        results: Results,
        connect: Connect,
    ) -> None:
        self._settings = settings
        self._look = look
        self._once = once
        self._accounts = accounts
        self._enrol = enrol
        self._renewal = renewal
        self._results = results
        self._connect = connect

    def show(self, request: Request, now: datetime) -> Answer:
        """GET: how the login ended, as the account stands now."""
        try:
            login = self._login(request, request.query.get("login", ""), now)
            return self._page(login, self._account(login), request)
        except UnseenError as error:
            return self._connect.failure(error)

    def act(self, request: Request, now: datetime) -> Answer:
        """POST: checks again, or tries another address with the same token; 5 times."""
        try:
            key = request.form.get("login", "")
            login = self._login(request, key, now)
            origin = self._settings.public_base_url
            if not web.is_own_form(request, cookie_name(key), origin):
                raise Rejected("form_refused", status=403)
            account = self._account(login)
            if account.status != "blocked":
                return self._page(login, account, request)
            asked = _asked(login)
            address = self._address(request, account, asked)
            self._count(login)
            token = self._renewal.token(account, now)
            enrolled = self._enrol.prove_again(account, token, address, now, asked)
            messages = (tend.message(enrolled.claim),) if enrolled.claim else ()
            if location := self._results.way_back(enrolled, asked, now):
                headers = self._look.headers(referrer="no-referrer")
                return Answer(303, location=location, headers=headers, messages=messages)
            return replace(self._page(login, enrolled.account, request), messages=messages)
        except UnseenError as error:
            return self._connect.failure(error)

    def _login(self, request: Request, key: str, now: datetime) -> Login:
        login = self._once.login(key) if _KEY.match(key) else None
        if login is None:
            raise Rejected("login_unknown")
        held = request.cookies.get(cookie_name(key), "")
        if not web.same(ids.sha256_hex(held), login.cookie):
            raise Rejected("login_cookie_missing")
        if login.expires_at <= instants.text(now):
            raise Rejected("login_expired")
        if login.state != "done" or "account" not in login.data:
            raise Rejected(str(login.data.get("failed", "login_used")), status=409)
        return login

    def _account(self, login: Login) -> Account:
        """The account that this login made; not one that was connected anew since."""
        account = self._accounts.get(str(login.data["account"]))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        if account.generation != login.data["generation"]:
            raise Rejected("login_used", status=409)
        return account

    def _address(self, request: Request, account: Account, asked: Invitation) -> str:
        if request.form.get("action") == "check":
            return account.address
        if request.form.get("action") != "address":
            raise Rejected("field_invalid", "action")
        if asked.keeps_the_address:
            raise Rejected("wrong_account", "address", status=403)
        return account_forms.address("address", request.form.get("address", ""))

    def _count(self, login: Login) -> None:
        if login.tries >= _TRIES:
            raise Rejected("too_many_tries", status=429)
        try:
            self._once.change(replace(login, tries=login.tries + 1))
        except Stale:
            raise Rejected("login_used", status=409) from None

    def _page(self, login: Login, account: Account, request: Request) -> Answer:
        asked = _asked(login)
        if account.status == "blocked":
            held = request.cookies[cookie_name(login.key)]
            hidden = {"token": web.form_token(held), "login": login.key}
            fixed = asked.keeps_the_address
            html = self._look.blocked(account.code, account.address, hidden, fixed=fixed)
        elif account.status == "reconnect_required":
            raise Rejected(account.code or "sign_in_again", status=409)
        else:
            checking = login.data["result"] == "checking" and not account.last_success_at
            html = self._look.connected(
                account.address, checking=checking, again=f"connected?login={login.key}"
            )
        return Answer(200, html, headers=self._look.headers(leads_to=web.origin(asked.return_url)))


def _asked(login: Login) -> Invitation:
    return invitations.of_stored(login.data["invitation"])
