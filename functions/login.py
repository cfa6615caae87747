"""The browser's way in: login, callback and the result page. All anonymous by nature."""

import typing

import azure.functions as func

from functions.answers import page
from functions.due import QUEUE, STORAGE

blueprint = func.Blueprint()


@blueprint.route("login", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def login(req: func.HttpRequest) -> func.HttpResponse:
    if req.method == "POST":
        return page(req, lambda parts, request: parts.connect.begin(request, parts.now()))
    return page(req, lambda parts, request: parts.connect.ask(request, parts.now()))


@blueprint.route("callback", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.queue_output(arg_name="messages", queue_name=QUEUE, connection=STORAGE)
def callback(
    req: func.HttpRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the indexer wants it
) -> func.HttpResponse:
    return page(req, lambda parts, request: parts.callback.finish(request, parts.now()), messages)


@blueprint.route("connected", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.queue_output(arg_name="messages", queue_name=QUEUE, connection=STORAGE)
def connected(
    req: func.HttpRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the indexer wants it
) -> func.HttpResponse:
    if req.method == "POST":
        return page(req, lambda parts, request: parts.connected.act(request, parts.now()), messages)
    return page(req, lambda parts, request: parts.connected.show(request, parts.now()))
