"""What an operator does now and then; every route wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body

blueprint = func.Blueprint()


@blueprint.route("maintenance/reencrypt", methods=["POST"])
def reencrypt(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.reencrypt.run(body(req)))


@blueprint.route("maintenance/reshard", methods=["POST"])
def reshard(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.reshard.run(body(req)))
