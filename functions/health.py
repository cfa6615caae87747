"""Whether the app can do its work."""

import azure.functions as func

from functions.answers import as_json
from shared import health as health_module
from shared.connector import connector
from shared.errors import SettingsError

blueprint = func.Blueprint()


@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    try:
        parts = connector()
        report = parts.health.report(parts.now())
    except SettingsError as error:
        report = health_module.of_settings(error)
    return as_json(report, 200 if report["status"] == "ok" else 503)
