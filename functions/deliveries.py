"""The API over deliveries; every route wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body

blueprint = func.Blueprint()


@blueprint.route("deliveries", methods=["GET"])
def deliveries(req: func.HttpRequest) -> func.HttpResponse:
    known = ("state", "account", "since", "limit", "cursor")
    return api(req, lambda parts: parts.deliveries.page(dict(req.params)), query=known)


@blueprint.route("deliveries/{webhook_id}/replay", methods=["POST"])
def replay_delivery(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.replay.one(req.route_params["webhook_id"], body(req)), 202)
