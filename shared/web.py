"""Requests and answers of the browser's pages, as plain values. Pure.

What a browser sends is read in one place: a query or form field that comes twice says nothing.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from shared import ids

_MAX_FIELDS = 50
_MAX_FORM_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """query and form hold '' for what came more than once; header names are lower-case."""

    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a page, or a redirect where `location` is set; cookies are whole headers."""

    status: int
    html: str = ""
    location: str = ""
    cookies: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


def request(url: str, body: bytes, headers: Iterable[tuple[str, str]]) -> Request:
    """The request as it came: `url` with its query, `body` of a form."""
    lower = {name.lower(): value for name, value in headers}
    kind = lower.get("content-type", "").partition(";")[0].strip().lower()
    form = ""
    if kind == "application/x-www-form-urlencoded" and len(body) <= _MAX_FORM_BYTES:
        form = body.decode("ascii", "replace")
    return Request(
        query=_single(urlsplit(url).query),
        form=_single(form),
        headers=lower,
        cookies=_cookies(lower.get("cookie", "")),
    )


def _single(encoded: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    names = [name for name, _ in pairs]
    return {name: value if names.count(name) == 1 else "" for name, value in pairs}


def _cookies(header: str) -> dict[str, str]:
    """One odd cookie of a neighbour on the same host must not hide ours."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(part.strip())
        except CookieError:
            continue
        found |= {name: morsel.value for name, morsel in jar.items()}
    return found


def cookie(name: str, value: str, *, same_site: str, seconds: int, secure: bool) -> str:
    """A Set-Cookie header for our own pages."""
    flags = f"Max-Age={seconds}; Path=/api; HttpOnly; SameSite={same_site}"
    return f"{name}={value}; {flags}; Secure" if secure else f"{name}={value}; {flags}"


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


def form_token(cookie_value: str) -> str:
    """What a form holds of the cookie that has to come with it."""
    return ids.sha256_hex(f"form:{cookie_value}")


def is_own_form(sent: Request, cookie_name: str, origin: str) -> bool:
    """Whether a POST comes from a form of ours: cookie, token, Origin and Sec-Fetch-Site agree."""
    held = sent.cookies.get(cookie_name, "")
    return (
        bool(held)
        and same(sent.form.get("token", ""), form_token(held))
        and sent.headers.get("origin", origin) == origin
        and sent.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    )


def allowed_return(url: str, origins: Iterable[str]) -> bool:
    """Whether the URL's origin is exactly one of those allowed.

    Browsers read a backslash as a slash and drop tabs and line ends, urlsplit does not: a URL
    with anything but plain characters is refused before it is read.
    """
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>@'):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return False
    if not url.lower().startswith(f"{parts.scheme}://{parts.netloc.lower()}"):
        return False
    origin = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port is not None else "")
    return origin.lower() in set(origins) and parts.netloc.lower() == origin.partition("//")[2]


def origin(url: str) -> str:
    """Scheme, host and port of an allowed return URL; '' of ''."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""


def with_query(url: str, **added: str) -> str:
    """The URL with parameters set; what else it has in its query stays, its fragment goes."""
    parts = urlsplit(url)
    kept = [one for one in parts.query.split("&") if unquote_plus(one.split("=")[0]) not in added]
    query = "&".join(part for part in (*kept, urlencode(added)) if part)
    return parts._replace(query=query, fragment="").geturl()
