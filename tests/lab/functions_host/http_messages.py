"""HTTP requests and answers, translated as Azure's host does.

Source: `ToRpcHttp` in https://github.com/Azure/azure-functions-host
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum, parse_to_rpc_http_cookie_list
from multidict import CIMultiDict

from .worker import MESSAGES

_SET_BY_SERVER = {"content-length", "transfer-encoding", "connection"}
_WITHOUT_BODY = {204, 304}


async def request_datum(request: web.Request, parameters: dict[str, str]) -> Datum:
    """Describe a request to the worker; `parameters` are the route's.

    Doubled query parameters and headers are joined with commas, an empty query value is left out.
    The URL has the host that the client named and the query as it was sent.
    """
    return Datum(
        {
            "method": _text(request.method),
            "url": _text(f"{request.scheme}://{request.host}{_target(request)}"),
            "headers": _joined(request.headers.items()),
            "query": {
                name: value
                for name, value in _joined(_query(request), ignore_case=True).items()
                if value.value
            },
            "params": {name: _text(value) for name, value in parameters.items()},
            "body": Datum(await request.read(), "bytes"),
        },
        "http",
    )


def raw_path(request: web.Request) -> str:
    """Give the path as it was sent, without the query."""
    return _target(request).partition("?")[0]


def response(datum: Datum | None) -> web.Response:
    """Translate a function's answer; raises ValueError where it is not a valid HTTP answer."""
    if datum is None or datum.type is None:
        return web.Response(status=204)
    if datum.type != "http":
        return web.Response(text=str(datum.value))
    return _http_response(datum.value)


def _http_response(answer: dict[str, Any]) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in answer["headers"].items():
        if name.lower() not in _SET_BY_SERVER:
            headers.add(name, str(value.value))
    for cookie in parse_to_rpc_http_cookie_list(answer.get("cookies"), MESSAGES) or ():
        headers.add("Set-Cookie", _set_cookie(cookie))
    status = int(answer["status_code"].value)
    body = None if status in _WITHOUT_BODY else answer["body"].value
    return web.Response(status=status, headers=headers, body=body)


def _set_cookie(cookie: Any) -> str:
    """Write a cookie as ASP.NET Core does: name and value escaped, attributes in its order."""
    parts = [f"{quote(cookie.name, safe='')}={quote(cookie.value, safe='')}"]
    if cookie.expires is not None:
        moment = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={format_datetime(moment, usegmt=True)}")
    if cookie.max_age is not None:
        parts.append(f"max-age={int(cookie.max_age.value)}")
    for name, attribute in (("domain", cookie.domain), ("path", cookie.path)):
        if attribute is not None and attribute.value:
            parts.append(f"{name}={attribute.value}")
    if cookie.secure is not None and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site is not None:
        parts.append(f"samesite={cookie.same_site}")
    if cookie.http_only is not None and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)


def _target(request: web.Request) -> str:
    if request.raw_path.startswith("/"):
        return request.raw_path
    # A proxy's form of the request line: the whole URL.
    url = urlsplit(request.raw_path)
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _query(request: web.Request) -> list[tuple[str, str]]:
    query = _target(request).partition("?")[2]
    return parse_qsl(query, keep_blank_values=True, errors="replace")


def _joined(pairs: Any, *, ignore_case: bool = False) -> dict[str, Datum]:
    """Join values of one name with commas; header names become lower case, the query's stay."""
    names: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        first = names.setdefault(name.lower(), name)
        values.setdefault(first if ignore_case else name.lower(), []).append(value)
    return {name: _text(",".join(found)) for name, found in values.items()}


def _text(value: str) -> Datum:
    return Datum(value, "string")
