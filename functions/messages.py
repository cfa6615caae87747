"""The API over an account's mail; every route wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body, download

blueprint = func.Blueprint()

_PLACE = ("folder", "uid_validity")
_SEARCH = (
    *("folder", "unseen", "since", "before", "from", "to", "subject", "text"),
    *("limit", "cursor"),
)


@blueprint.route("accounts/{id}/folders", methods=["GET"])
def folders(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.messages.folders(req.route_params["id"]))


@blueprint.route("accounts/{id}/messages", methods=["GET"])
def messages(req: func.HttpRequest) -> func.HttpResponse:
    return api(
        req, lambda parts: parts.messages.page(req.route_params["id"], req.params), query=_SEARCH
    )


@blueprint.route("accounts/{id}/messages/{uid}", methods=["GET"])
def message(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.messages.show(*_message(req), req.params), query=_PLACE)


@blueprint.route("accounts/{id}/messages/{uid}", methods=["PATCH"])
def change_message(req: func.HttpRequest) -> func.HttpResponse:
    return api(
        req,
        lambda parts: parts.messages.change(*_message(req), req.params, body(req)),
        query=_PLACE,
    )


@blueprint.route("accounts/{id}/messages/{uid}/raw", methods=["GET"])
def raw_message(req: func.HttpRequest) -> func.HttpResponse:
    return download(
        req, lambda parts: parts.downloads.raw(*_message(req), req.params), query=_PLACE
    )


@blueprint.route("accounts/{id}/messages/{uid}/attachments/{attachment}", methods=["GET"])
def attachment(req: func.HttpRequest) -> func.HttpResponse:
    named = req.route_params["attachment"]
    return download(
        req,
        lambda parts: parts.downloads.attachment(*_message(req), named, req.params),
        query=_PLACE,
    )


def _message(req: func.HttpRequest) -> tuple[str, str]:
    return req.route_params["id"], req.route_params["uid"]
