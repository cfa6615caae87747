"""The Azure Functions app: creates it and registers the blueprints; nothing else."""

import azure.functions as func

from functions import accounts, due, health, login

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (login.blueprint, due.blueprint, health.blueprint, accounts.blueprint):
    app.register_functions(blueprint)
