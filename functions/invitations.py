"""The API over invitations; every route wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body

blueprint = func.Blueprint()


@blueprint.route("invitations", methods=["POST"])
def invite(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.invitations.create(body(req), parts.now()), 201)


@blueprint.route("invitations/results", methods=["POST"])
def redeem_result(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.results.redeem(body(req), parts.now()))
