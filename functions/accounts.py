"""The API over accounts; every route wants a function key in `x-functions-key`."""

import typing

import azure.functions as func

from functions.answers import api, body
from functions.due import QUEUE, STORAGE

blueprint = func.Blueprint()


@blueprint.route("accounts", methods=["GET"])
def accounts(req: func.HttpRequest) -> func.HttpResponse:
    limit, cursor = req.params.get("limit", ""), req.params.get("cursor", "")
    return api(req, lambda parts: parts.directory.page(limit, cursor), query=("limit", "cursor"))


@blueprint.route("accounts", methods=["POST"])
@blueprint.queue_output(arg_name="messages", queue_name=QUEUE, connection=STORAGE)
def connect_account(
    req: func.HttpRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the indexer wants it
) -> func.HttpResponse:
    def connect(parts: typing.Any) -> typing.Any:
        adopted = parts.app_only.connect(body(req), parts.now())
        if adopted.messages:
            messages.set(list(adopted.messages))
        return adopted.told()

    return api(req, connect, 201)


@blueprint.route("accounts/{id}", methods=["GET"])
def account(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.directory.show(req.route_params["id"]))


@blueprint.route("accounts/{id}", methods=["PATCH"])
def change_account(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.directory.change(req.route_params["id"], body(req)))


@blueprint.route("accounts/{id}", methods=["DELETE"])
def disconnect_account(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.disconnect.disconnect(req.route_params["id"]))


@blueprint.route("accounts/{id}/access-token", methods=["POST"])
def access_token(req: func.HttpRequest) -> func.HttpResponse:
    key = req.headers.get("x-access-token-key", "")
    return api(req, lambda parts: parts.vending.token(req.route_params["id"], key))


@blueprint.route("accounts/{id}/check", methods=["POST"])
@blueprint.queue_output(arg_name="messages", queue_name=QUEUE, connection=STORAGE)
def check_account(
    req: func.HttpRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the indexer wants it
) -> func.HttpResponse:
    def check(parts: typing.Any) -> dict[str, typing.Any]:
        found = parts.enqueue.now(req.route_params["id"])
        if found:
            messages.set(found)
        return {"id": req.route_params["id"], "enqueued": bool(found)}

    return api(req, check, 202)
