"""The API that sends mail; it wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body

blueprint = func.Blueprint()


@blueprint.route("accounts/{id}/messages", methods=["POST"])
def send_message(req: func.HttpRequest) -> func.HttpResponse:
    key = req.headers.get("idempotency-key")
    return api(req, lambda parts: parts.send.send(req.route_params["id"], body(req), key), 201)
