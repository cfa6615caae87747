"""A guest: a mailbox owner's browser at an app in the test's process, from a link to the end."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from shared import instants, web
from shared.account_rows import Account
from shared.web import Answer
from tests.lab import walk
from tests.lab.stepped_app import SteppedApp

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@dataclass
class Guest:
    """Keeps the cookies that he is given."""

    app: SteppedApp
    clock: instants.Clock = instants.now
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, url: str) -> Answer:
        """Opens the link."""
        return self._kept(self.app.parts.connect.ask(self._request(url), self.clock()))

    def begin(self, url: str, **changed: str) -> Answer:
        """Opens the link and presses the page's button; fields of the form changed."""
        asked = self.ask(url)
        if asked.status != 200:
            return asked
        return self.press(fields(asked.html) | changed)

    def press(self, form: dict[str, str]) -> Answer:
        request = self._request("/api/login", urlencode(form).encode())
        return self._kept(self.app.parts.connect.begin(request, self.clock()))

    def at_microsoft(
        self, location: str, address: str, kind: str = "personal", choose: str = "accept"
    ) -> str:
        """Signs in; gives the callback's address."""
        microsoft = self.app.services.microsoft
        if address.casefold() not in {one["username"].casefold() for one in microsoft.accounts()}:
            microsoft.add_account(address, kind)
        browser = walk.Browser(str(self.app.services.ca_file))
        callback = self.app.parts.settings.redirect_uri
        page = browser.get(location)
        return walk.sign_in(browser, page, address, choose=choose, stop_at=callback).url

    def finish(self, url: str) -> Answer:
        """The callback; what it enqueues is tended to."""
        connect = self.app.parts.connect
        return self._tended(self._kept(connect.finish(self._request(url), self.clock())))

    def connect(self, url: str, address: str, kind: str = "personal") -> Answer:
        """The whole way; the answer that it ends with."""
        begun = self.begin(url)
        if begun.status != 303:
            return begun
        return self.finish(self.at_microsoft(begun.location, address, kind))

    def result_page(self, url: str) -> Answer:
        return self.app.parts.connected.show(self._request(url), self.clock())

    def act(self, page: Answer, action: str, **filled: str) -> Answer:
        """Presses a button of the result page."""
        form = fields(page.html) | {"action": action} | filled
        request = self._request("/api/connected", urlencode(form).encode())
        return self._tended(self.app.parts.connected.act(request, self.clock()))

    def _request(self, url: str, body: bytes = b"") -> web.Request:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookie} | (_FORM if body else {})
        return web.request(url, body, headers.items())

    def _kept(self, answer: Answer) -> Answer:
        for one in answer.cookies:
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def _tended(self, answer: Answer) -> Answer:
        for message in answer.messages:
            self.app.parts.tend.receive(message.encode())
        return answer


def fields(html: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    form = html.partition("<form")[2].partition("</form>")[0]
    return {unescape(name): unescape(value) for name, value in _HIDDEN.findall(form)}


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def invited(app: SteppedApp, now: datetime | None = None, **body: Any) -> str:
    """The link of a new invitation."""
    return str(app.parts.invitations.create(body, now or instants.now())["url"])


def redeemed(app: SteppedApp, code: str, now: datetime | None = None) -> dict[str, Any]:
    return app.parts.results.redeem({"result": code}, now or instants.now())


def account_of(app: SteppedApp, reference: str) -> Account:
    """The one account of a reference."""
    (row,) = app.rows("accounts", reference=reference)
    return app.account(str(row["RowKey"]))
