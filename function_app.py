"""The Azure Functions app: creates it and registers the blueprints; nothing else."""

import azure.functions as func

from functions import (
    accounts,
    dashboard,
    deliveries,
    due,
    endpoints,
    health,
    invitations,
    login,
    maintenance,
    messages,
    openapi,
    sending,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for module in (
    *(login, due, health, accounts, messages, sending),
    *(endpoints, deliveries, invitations, maintenance, openapi, dashboard),
):
    app.register_functions(module.blueprint)
