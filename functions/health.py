"""Whether the app can do its work: a word for anybody, and all of it for the operator.

Two functions, because an anonymous one can't check a key.
"""

from collections.abc import Mapping
from typing import Any

import azure.functions as func

from functions.answers import answered, as_json
from shared import health as health_module
from shared.connector import connector
from shared.errors import SettingsError

blueprint = func.Blueprint()


@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    try:
        parts = connector()
        return _told(parts.health.report(parts.now()))
    except SettingsError as error:
        return _told(health_module.of_settings(error))


@blueprint.route("health/details", methods=["GET"])
def health_details(req: func.HttpRequest) -> func.HttpResponse:
    return answered(req, (), lambda parts: _told(parts.health_details.report(parts.now())))


def _told(report: Mapping[str, Any]) -> func.HttpResponse:
    """503 where it is degraded, so that a probe needs no JSON."""
    return as_json(report, 200 if report["status"] == "ok" else 503)
