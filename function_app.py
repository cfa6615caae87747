"""The Azure Functions app: creates it and registers the blueprints; nothing else."""

import azure.functions as func

from functions import (
    accounts,
    deliveries,
    due,
    endpoints,
    health,
    invitations,
    login,
    maintenance,
    sending,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
modules = (login, due, health, accounts, sending, endpoints, deliveries, invitations, maintenance)
for module in modules:
    app.register_functions(module.blueprint)
