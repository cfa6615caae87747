"""The API over endpoints; every route wants a function key in `x-functions-key`."""

import azure.functions as func

from functions.answers import api, body

blueprint = func.Blueprint()


@blueprint.route("endpoints", methods=["GET"])
def endpoints(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.page())


@blueprint.route("endpoints", methods=["POST"])
def create_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.create(body(req)), 201)


@blueprint.route("endpoints/{id}", methods=["GET"])
def endpoint(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.show(req.route_params["id"]))


@blueprint.route("endpoints/{id}", methods=["PATCH"])
def change_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.change(req.route_params["id"], body(req)))


@blueprint.route("endpoints/{id}", methods=["DELETE"])
def delete_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.delete(req.route_params["id"]), 204)


@blueprint.route("endpoints/{id}/test", methods=["POST"])
def test_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.test(req.route_params["id"]))


@blueprint.route("endpoints/{id}/rotate-secret", methods=["POST"])
def rotate_secret(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.endpoint_admin.rotate(req.route_params["id"], body(req)))


@blueprint.route("endpoints/{id}/replay", methods=["POST"])
def replay_range(req: func.HttpRequest) -> func.HttpResponse:
    return api(req, lambda parts: parts.replay.range(req.route_params["id"], body(req)))
