"""The description of the API (OpenAPI 3.1). It holds no data, so it wants no key."""

import functools
from pathlib import Path

import azure.functions as func

blueprint = func.Blueprint()

_FILE = Path(__file__).with_suffix(".json")
_HEADERS = {"Cache-Control": "public, max-age=3600"}


@blueprint.route("openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def openapi(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(_described(), mimetype="application/json", headers=_HEADERS)


@functools.cache
def _described() -> bytes:
    return _FILE.read_bytes()
