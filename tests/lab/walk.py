"""Walks pages as a browser would: cookies, redirects, forms, and the headers that go with them.

Not a browser: it runs no script and loads nothing but pages. What it models is what a login
relies on: cookies by host (not port), SameSite, Origin and Sec-Fetch-Site, redirects by GET.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import requests
from bs4 import BeautifulSoup, Tag

_MAX_REDIRECTS = 20


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, what it holds, and its submit buttons by id or label."""

    action: str
    method: str
    fields: Mapping[str, str]
    buttons: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """What a walk ended on. url: with its query; html: as it came."""

    status: int
    url: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        found = BeautifulSoup(self.html, "html.parser").find("h1")
        return found.get_text(strip=True) if found else ""

    @property
    def text(self) -> str:
        return " ".join(BeautifulSoup(self.html, "html.parser").get_text(" ").split())

    @property
    def forms(self) -> list[Form]:
        return [_form(tag, self.url) for tag in BeautifulSoup(self.html, "html.parser")("form")]


@dataclass
class _Cookie:
    name: str
    value: str
    host: str
    path: str
    same_site: str
    secure: bool


@dataclass(frozen=True)
class Hop:
    """One request of a walk and its answer's status."""

    method: str
    url: str
    status: int


class Browser:
    """One browser: a cookie jar and what it saw.

    cross_site: origins that count as another site, whatever their host (all of the lab is on
    localhost, where ports don't make a site).
    """

    def __init__(self, ca_file: str, cross_site: Iterable[str] = ()) -> None:
        self._ca_file = ca_file
        self._cross_site = set(cross_site)
        self._cookies: list[_Cookie] = []
        self.hops: list[Hop] = []

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value for cookie in self._cookies}

    def forget_cookies(self) -> None:
        self._cookies.clear()

    def get(self, url: str, *, stop_at: str = "") -> Page:
        """Opens a page as if its address were typed; with `stop_at`, see `follow`."""
        return self.follow(self._send("GET", url, None, ""), stop_at=stop_at)

    def submit(
        self,
        page: Page,
        button: str = "",
        *,
        stop_at: str = "",
        headers: Mapping[str, str] | None = None,
        **filled: str,
    ) -> Page:
        """Presses a button (by id or label; '' for the first form's) with fields filled in."""
        form, pressed = _pressed(page, button)
        data = {**form.fields, **filled}
        if pressed[0]:
            data[pressed[0]] = pressed[1]
        answer = self._send(form.method, form.action, data, page.url, headers)
        return self.follow(answer, stop_at=stop_at, came_from=page.url)

    def post(
        self, url: str, data: Mapping[str, str], *, came_from: str, headers: Mapping[str, str]
    ) -> Page:
        """A form that some page made up; redirects are not followed."""
        return _page(self._send("POST", url, data, came_from, headers))

    def follow(self, answer: requests.Response, *, stop_at: str = "", came_from: str = "") -> Page:
        """Follows redirects; one whose target begins with `stop_at` is given unfollowed.

        Then the page's url is that target and its status the redirect's.
        """
        for _ in range(_MAX_REDIRECTS):
            target = answer.headers.get("Location")
            if answer.status_code not in {301, 302, 303, 307, 308} or not target:
                return _page(answer)
            target = urljoin(answer.url, target)
            if stop_at and target.startswith(stop_at):
                return Page(answer.status_code, target, "", dict(answer.headers))
            came_from = came_from or answer.url
            answer = self._send("GET", target, None, came_from)
        raise RuntimeError("too many redirects")

    def _send(
        self,
        method: str,
        url: str,
        data: Mapping[str, str] | None,
        came_from: str,
        changed: Mapping[str, str] | None = None,
    ) -> requests.Response:
        site = self._site_of(url, came_from)
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        if method == "POST":
            headers["Origin"] = _origin(came_from)
        cookies = self._cookies_for(url, method, cross_site=site == "cross-site")
        if cookies:
            headers["Cookie"] = cookies
        headers |= changed or {}
        headers = {name: value for name, value in headers.items() if value}
        answer = requests.request(
            method,
            url,
            data=data,
            headers=headers,
            verify=self._ca_file,
            allow_redirects=False,
            timeout=60,
        )
        self._keep_cookies(url, answer)
        self.hops.append(Hop(method, url, answer.status_code))
        return answer

    def _site_of(self, url: str, came_from: str) -> str:
        """Sec-Fetch-Site, as browsers work it out (schemes make sites)."""
        if not came_from:
            return "none"
        one, other = urlsplit(came_from), urlsplit(url)
        if _origin(came_from) == _origin(url):
            return "same-origin"
        if {_origin(came_from), _origin(url)} & self._cross_site:
            return "cross-site"
        if (one.scheme, one.hostname) == (other.scheme, other.hostname):
            return "same-site"
        return "cross-site"

    def _cookies_for(self, url: str, method: str, *, cross_site: bool) -> str:
        parts = urlsplit(url)
        sent = []
        for cookie in self._cookies:
            if cookie.host != parts.hostname or not parts.path.startswith(cookie.path):
                continue
            if cookie.secure and parts.scheme != "https":
                continue
            strict = cookie.same_site == "strict"
            if cross_site and (strict or method != "GET"):
                continue
            sent.append(f"{cookie.name}={cookie.value}")
        return "; ".join(sent)

    def _keep_cookies(self, url: str, answer: requests.Response) -> None:
        host = urlsplit(url).hostname or ""
        for header in answer.raw.headers.getlist("Set-Cookie"):
            jar: SimpleCookie = SimpleCookie()
            jar.load(header)
            for name, morsel in jar.items():
                kept = [c for c in self._cookies if (c.name, c.host) != (name, host)]
                if morsel["max-age"] != "0":
                    kept.append(
                        _Cookie(
                            name,
                            morsel.value,
                            host,
                            morsel["path"] or "/",
                            (morsel["samesite"] or "lax").lower(),
                            bool(morsel["secure"]),
                        )
                    )
                self._cookies = kept


def connect(
    login_url: str,
    address: str,
    *,
    ca_file: str,
    choose: str = "accept",
    browser: Browser | None = None,
    stop_at: str = "",
) -> Page:
    """Walks a whole login: our page, the account picker, consent; gives the last page.

    choose: accept or cancel. stop_at: give a redirect to there unfollowed (the callback's URL,
    say). A page that is neither ours nor Microsoft's ends the walk.
    """
    browser = browser or Browser(ca_file)
    page = browser.get(login_url)
    if page.status != 200 or not page.forms:
        return page
    return sign_in(browser, browser.submit(page), address, choose=choose, stop_at=stop_at)


def sign_in(
    browser: Browser, page: Page, address: str, *, choose: str = "accept", stop_at: str = ""
) -> Page:
    """From Microsoft's account picker on; see `connect`."""
    if not _has(page, "other-next"):
        return page
    if choose == "cancel":
        return browser.submit(page, "cancel", stop_at=stop_at)
    page = browser.submit(page, "other-next", other=address, stop_at=stop_at)
    if _has(page, "accept"):
        page = browser.submit(page, "accept", stop_at=stop_at)
    return page


def _has(page: Page, button: str) -> bool:
    return any(button in form.buttons for form in page.forms)


def _pressed(page: Page, button: str) -> tuple[Form, tuple[str, str]]:
    for form in page.forms:
        if not button:
            return form, next(iter(form.buttons.values()), ("", ""))
        if button in form.buttons:
            return form, form.buttons[button]
    raise LookupError(f"no button {button!r} on {page.title!r}")


def _form(tag: Tag, url: str) -> Form:
    fields = {
        str(field["name"]): str(field.get("value") or "")
        for field in tag("input")
        if field.get("name")
    }
    buttons: dict[str, tuple[str, str]] = {}
    for pressed in tag("button"):
        value = (str(pressed.get("name") or ""), str(pressed.get("value") or ""))
        buttons[str(pressed.get("id") or pressed.get_text(strip=True))] = value
    method = str(tag.get("method") or "get").upper()
    return Form(urljoin(url, str(tag.get("action") or "")), method, fields, buttons)


def _page(answer: requests.Response) -> Page:
    return Page(answer.status_code, answer.url, answer.text, dict(answer.headers))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "null"
