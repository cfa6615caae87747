"""The registration at Microsoft: found or made, and brought to what the app needs.

What somebody else added to it (redirect URIs, permissions) stays.
"""

import json
from dataclasses import dataclass
from typing import Any

from .commands import az, private_file
from .environment import Environment
from .errors import HookError, NotFound

GRAPH = "00000003-0000-0000-c000-000000000000"
# Delegated permissions; they are listed under Graph, and asked for as Outlook's.
IMAP = "652390e4-393a-48de-9484-05f9b1212954"
SEND = "258f6531-6087-4cc4-bb90-092c5fb3ed3f"

AUDIENCES = {
    "common": "AzureADandPersonalMicrosoftAccount",
    "organizations": "AzureADMultipleOrgs",
    "consumers": "PersonalMicrosoftAccount",
}
_FEDERATED = "unseen-managed-identity"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the registration has to be for these settings."""

    name: str
    audience: str
    permissions: tuple[str, ...]

    @classmethod
    def of(cls, environment: Environment) -> "Wanted":
        authority = environment.get("AUTHORITY", "common").rstrip("/").rpartition("/")[2].lower()
        sending = environment.choose("SENDING", "true", "false") == "true"
        name = environment.get("APP_NAME", "Unseen")
        return cls(
            environment.get("REGISTRATION_NAME", f"{name} ({environment.need('AZURE_ENV_NAME')})"),
            AUDIENCES.get(authority, "AzureADMyOrg"),  # a tenant's own id or domain
            (IMAP, SEND) if sending else (IMAP,),
        )


def ensure(environment: Environment, wanted: Wanted) -> str:
    """Its client id. What an earlier run made and could not note is found by its name and owner."""
    client_id = environment.get("CLIENT_ID")
    app = show(client_id) if client_id else _ours(wanted.name) or _create(wanted)
    _adjust(app, wanted)
    return str(app["appId"])


def show(client_id: str) -> dict[str, Any]:
    try:
        app: dict[str, Any] = az("ad", "app", "show", "--id", client_id)
    except NotFound:
        raise HookError(
            f"CLIENT_ID names a registration that is not in az' tenant: {client_id}. Is it in "
            "another one: azd env set REGISTRATION manual. Was it removed: mailboxes have to be "
            "connected anew with another one; azd env set CLIENT_ID '' makes it"
        ) from None
    return app


def add_redirect_uri(client_id: str, uri: str) -> bool:
    """Whether it was not there yet."""
    known = list((show(client_id).get("web") or {}).get("redirectUris") or [])
    if uri in known:
        return False
    az("ad", "app", "update", "--id", client_id, "--web-redirect-uris", *known, uri)
    return True


def trust_identity(client_id: str, tenant_id: str, principal_id: str) -> bool:
    """Lets the app's managed identity stand for the registration; whether it did not before."""
    command = ("ad", "app", "federated-credential")
    known = az(*command, "list", "--id", client_id) or []
    if any(found["subject"] == principal_id for found in known):
        return False
    parameters = {
        "name": _FEDERATED,
        "issuer": f"https://login.microsoftonline.com/{tenant_id}/v2.0",
        "subject": principal_id,
        "audiences": ["api://AzureADTokenExchange"],
    }
    stale = [found for found in known if found["name"] == _FEDERATED]
    for found in stale:  # the identity of an environment that was removed
        az(*command, "delete", "--id", client_id, "--federated-credential-id", found["id"])
    with private_file(json.dumps(parameters)) as file:
        az(*command, "create", "--id", client_id, "--parameters", f"@{file}")
    return True


def _ours(name: str) -> dict[str, Any] | None:
    """az would change any registration of that name: one that is not ours is nobody's to change."""
    named = ("ad", "app", "list", "--display-name", name)  # finds longer names too
    mine = [app for app in az(*named, "--show-mine") or [] if app["displayName"] == name]
    if len(mine) == 1:
        print(f"Going on with the registration {name}, {mine[0]['appId']}.")
        return dict(mine[0])
    if mine or any(app["displayName"] == name for app in az(*named) or []):
        raise HookError(
            f"there is a registration {name} already. Is it the one for this environment: "
            "azd env set CLIENT_ID <its application (client) id>; if not, choose another name: "
            "azd env set REGISTRATION_NAME <name>"
        )
    return None


def _create(wanted: Wanted) -> dict[str, Any]:
    with private_file(json.dumps(_accesses([], wanted))) as file:
        app: dict[str, Any] = az(
            *("ad", "app", "create", "--display-name", wanted.name),
            *("--sign-in-audience", wanted.audience, "--requested-access-token-version", "2"),
            *("--required-resource-accesses", f"@{file}"),
        )
    print(f"Registered {wanted.name} at Microsoft, {app['appId']}.")
    return app


def _adjust(app: dict[str, Any], wanted: Wanted) -> None:
    changes: list[str] = []
    if app.get("signInAudience") != wanted.audience:
        changes += ["--sign-in-audience", wanted.audience]
    if (app.get("api") or {}).get("requestedAccessTokenVersion") != 2:
        changes += ["--requested-access-token-version", "2"]
    before = app.get("requiredResourceAccess") or []
    after = _accesses(before, wanted)
    update = ("ad", "app", "update", "--id", str(app["appId"]))
    if after != before:
        with private_file(json.dumps(after)) as file:
            az(*update, *changes, "--required-resource-accesses", f"@{file}")
    elif changes:
        az(*update, *changes)


def _accesses(before: list[dict[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """The permissions that are asked for, with what is missing of ours."""
    others = [entry for entry in before if entry["resourceAppId"] != GRAPH]
    of_graph = [entry for entry in before if entry["resourceAppId"] == GRAPH]
    asked = [access for entry in of_graph for access in entry["resourceAccess"]]
    known = {access["id"] for access in asked}
    missing = [{"id": each, "type": "Scope"} for each in wanted.permissions if each not in known]
    if not missing:
        return before
    return [*others, {"resourceAppId": GRAPH, "resourceAccess": [*asked, *missing]}]
