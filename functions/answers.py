"""Maps between Azure Functions' requests and responses and the program's own."""

import json
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import azure.functions as func

from shared.catalogue import ENTRIES
from shared.connector import Connector, connector
from shared.errors import (
    OperatorFault,
    Rejected,
    SettingsError,
    TryAgain,
    UnseenError,
    place,
    wait_seconds,
)
from shared.logs import Log

log = Log(__name__)

_DOCUMENTATION = "docs/errors.md"
_HTML = "text/html"
# A function key, and its name: what the host reads of a query.
# https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
_OF_THE_HOST = {"code", "clientId"}


def page(
    req: func.HttpRequest, make: Callable[[Connector, Any], Any], messages: Any = None
) -> func.HttpResponse:
    """A browser's page: `make` is given the connector and the request as plain values."""
    from shared import web

    try:
        answer = make(connector(), web.request(req.url, req.get_body(), req.headers.items()))
    except SettingsError as error:
        log.error("settings_wrong", problems=str(error))
        return _plain_page("settings_wrong")
    except Exception as error:
        # The host would log its text, which may quote what the browser sent.
        log.error("page_failed", place=place(error))
        return _plain_page("internal")
    if messages is not None and answer.messages:
        messages.set(list(answer.messages))
    response = func.HttpResponse(
        answer.html, status_code=answer.status, headers=dict(answer.headers), mimetype=_HTML
    )
    if answer.location:
        response.headers.add("Location", answer.location)
    for cookie in answer.cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def _plain_page(code: str) -> func.HttpResponse:
    """A failure's page that needs no settings."""
    from shared.pages import Look

    look = Look("Unseen", "", https=False)
    html = look.failed(code, "login")
    return func.HttpResponse(html, status_code=500, headers=look.headers(), mimetype=_HTML)


def api(
    req: func.HttpRequest,
    make: Callable[[Connector], Any],
    status: int = 200,
    *,
    query: Collection[str] = (),
) -> func.HttpResponse:
    """An API's answer as JSON; errors are application/problem+json (RFC 9457).

    query: names of the parameters that the route reads. Another is refused rather than passed
    over: a misspelt condition would give more than was asked for.
    """
    return answered(req, query, lambda parts: as_json(make(parts), status))


def download(
    req: func.HttpRequest, make: Callable[[Connector], Any], *, query: Collection[str]
) -> func.HttpResponse:
    """A file that `make` gives; errors and query as those of `api`."""
    return answered(req, query, lambda parts: _file(make(parts)))


def answered(
    req: func.HttpRequest, query: Collection[str], make: Callable[[Connector], func.HttpResponse]
) -> func.HttpResponse:
    """What `make` answers; errors and query as those of `api`."""
    try:
        _check_query(req, query)
        return make(connector())
    except SettingsError as error:
        log.error("settings_wrong", problems=str(error))
        return _problem(500, "settings_wrong", ENTRIES["settings_wrong"].operator, str(error))
    except UnseenError as error:
        link = {"link": error.entry.link} if error.entry.link else {}
        more = link | dict(error.more if isinstance(error, Rejected) else {})
        answer = _problem(_status(error), error.code, error.entry.operator, error.detail, more)
        if seconds := wait_seconds(error):
            answer.headers["Retry-After"] = str(seconds)
        return answer
    except Exception as error:
        log.error("route_failed", place=place(error))
        return _problem(500, "internal", ENTRIES["internal"].operator)


def _check_query(req: func.HttpRequest, known: Collection[str]) -> None:
    for name in req.params:
        if name not in known and name not in _OF_THE_HOST:
            raise Rejected("field_invalid", name[:50])


def static(req: func.HttpRequest, file: Any) -> func.HttpResponse:
    """A file of ours, which the browser need not load again; None is a 404."""
    if file is None:
        return func.HttpResponse(status_code=404)
    if file.is_known(req.headers.get("if-none-match", "")):
        return func.HttpResponse(status_code=304, headers=file.headers)
    return func.HttpResponse(file.content, headers=file.headers, mimetype=file.mimetype)


def body(req: func.HttpRequest) -> Any:
    """The request's JSON, None where there is none; raises Rejected `field_invalid`."""
    raw = req.get_body()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Rejected("field_invalid", "body") from None


def as_json(content: Any, status: int) -> func.HttpResponse:
    body = "" if content is None else json.dumps(content)
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(body, status_code=status, mimetype="application/json", headers=headers)


def _file(file: Any) -> func.HttpResponse:
    """A stranger's file: no browser guesses its type, and none runs anything in it."""
    headers = {
        "Content-Type": file.content_type,
        "Content-Disposition": file.disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
    }
    return func.HttpResponse(file.content, headers=headers)


def _problem(
    status: int,
    code: str,
    title: str,
    detail: str = "",
    more: Mapping[str, object] = MappingProxyType({}),
) -> func.HttpResponse:
    problem: dict[str, object] = {
        "type": f"{_DOCUMENTATION}#{code}",
        "title": title,
        "status": status,
        "code": code,
    }
    if detail:
        problem["detail"] = detail
    problem |= more
    return func.HttpResponse(
        json.dumps(problem),
        status_code=status,
        mimetype="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )


def _status(error: UnseenError) -> int:
    match error:
        case Rejected(status=status):
            return status
        case TryAgain():
            return 503
        case OperatorFault():
            return 500
        case _:
            return 409
