"""Whether the app can do its work: a word for anybody, and all of it for the operator.

Two functions, because an anonymous one can't check a key.
"""

from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from functions.answers import as_json
from shared import health as health_module
from shared.connector import Connector, connector
from shared.errors import SettingsError

blueprint = func.Blueprint()


@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    return _answer(lambda parts: parts.health.report(parts.now()))


@blueprint.route("health/details", methods=["GET"])
def health_details(req: func.HttpRequest) -> func.HttpResponse:
    return _answer(lambda parts: parts.health_details.report(parts.now()))


def _answer(ask: Callable[[Connector], Mapping[str, Any]]) -> func.HttpResponse:
    """503 where it is degraded, so that a probe needs no JSON."""
    try:
        report = ask(connector())
    except SettingsError as error:
        report = health_module.of_settings(error)
    return as_json(report, 200 if report["status"] == "ok" else 503)
