"""The dashboard: a static page and its files. Anonymous, because nothing in them is secret."""

from urllib.parse import urlsplit

import azure.functions as func

from functions.answers import static

blueprint = func.Blueprint()


@blueprint.route("dashboard", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    from shared import dashboard_files

    if urlsplit(req.url).path.endswith("/"):  # the names of its files are relative to this one
        return func.HttpResponse(status_code=308, headers={"Location": "../dashboard"})
    return static(req, dashboard_files.page())


@blueprint.route("dashboard/{file}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def dashboard_file(req: func.HttpRequest) -> func.HttpResponse:
    from shared import dashboard_files

    return static(req, dashboard_files.file(req.route_params["file"]))
