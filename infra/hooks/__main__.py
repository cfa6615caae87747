"""The hooks of azure.yaml, and what is done by hand afterwards: python -m infra.hooks VERB.

Each verb may be run again at any time, also after one that was killed: it goes on where that one
stopped. Nothing that is stored is written over, and no secret is printed. `az` has to be signed in
where the app is to be registered, and `azd` to have an environment.
"""

import argparse
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from shared import make_keys, settings
from shared.errors import SettingsError

from . import client_secret, key_vault, registration
from .client_secret import ClientSecret
from .commands import az
from .environment import Environment
from .errors import HookError
from .key_vault import KeyVault

_CREDENTIALS = ("secret", "certificate", "federated")
SECRETS = (
    *("client-secret", "client-certificate"),
    *("encryption-keys", "webhook-secret", "access-token-key"),
)


def prepare(environment: Environment) -> None:
    """before azd provision: registers the app, and finds out what Bicep needs to know"""
    account = _account(environment)
    environment.put("SECRETS_OFFICER_ID", _officer(environment, account))
    if _is_manual(environment):
        if not environment.get("CLIENT_ID"):
            raise HookError("REGISTRATION is manual: azd env set CLIENT_ID <its client id>")
    else:
        wanted = registration.Wanted.of(environment)
        environment.put("CLIENT_ID", registration.ensure(environment, wanted))
    vault = environment.get("KEY_VAULT_NAME")
    deleted = bool(vault) and key_vault.is_deleted(vault)
    if deleted:
        print(f"The vault {vault} was removed, and comes back with its secrets.")
    environment.put("KEY_VAULT_CREATE_MODE", "recover" if deleted else "default")
    if environment.choose("CLIENT_CREDENTIAL", *_CREDENTIALS) == "secret":
        _choose_expiry(environment)


def finish(environment: Environment) -> None:
    """after azd provision: the redirect URI, and the secrets that the vault lacks"""
    account = _account(environment)
    client_id = environment.need("CLIENT_ID")
    credential = environment.choose("CLIENT_CREDENTIAL", *_CREDENTIALS)
    if not _is_manual(environment):
        uri = environment.need("REDIRECT_URI")
        if registration.add_redirect_uri(client_id, uri):
            print(f"Redirect URI registered: {uri}")
        if credential == "federated":
            principal = environment.need("IDENTITY_PRINCIPAL_ID")
            registration.trust_identity(client_id, account["tenantId"], principal)
    vault = KeyVault(environment.need("KEY_VAULT_NAME"))
    vault.wait()
    added = _add_keys(environment, vault)
    if credential == "certificate" and vault.tags("client-certificate") is None:
        raise HookError(
            "the vault has no client-certificate. Put the PEM of certificate and key there: "
            "python -m infra.hooks put client-certificate < unseen.pem   (docs/registering.md)"
        )
    if credential == "secret":
        added |= _add_client_secret(environment, vault)
    if added:
        _refresh(environment)
    print(f"Look at {environment.need('APP_URL')}/api/health once the code is deployed.")


def rotate(environment: Environment) -> None:
    """makes a new client secret and gives it to the app; the former stays good beside it"""
    _account(environment)
    _need_secrets(environment)
    vault = KeyVault(environment.need("KEY_VAULT_NAME"))
    vault.wait()
    ends_on = _today() + timedelta(days=_days(environment))
    ClientSecret(environment.need("CLIENT_ID"), vault, _today()).make(ends_on)
    _tell_expiry(environment, ends_on)
    _refresh(environment)
    print(
        f"The new client secret is good until {ends_on}. Once make doctor or a sign-in went "
        "through, drop the former: python -m infra.hooks retire"
    )


def retire(environment: Environment) -> None:
    """removes former client secrets that the hooks made; the app has to have the newest"""
    _account(environment)
    vault = KeyVault(environment.need("KEY_VAULT_NAME"))
    secret = ClientSecret(environment.need("CLIENT_ID"), vault, _today())
    print(f"Removed at Microsoft: {secret.retire()}. The vault keeps their versions, to no use.")


def put(environment: Environment, name: str) -> None:
    """puts a secret of your own into the vault, from standard input"""
    value = sys.stdin.read().strip()
    if not value:
        raise HookError(f"nothing came on standard input: put {name} < file")
    _check(name, value)
    vault = KeyVault(environment.need("KEY_VAULT_NAME"))
    vault.wait()
    if name == "encryption-keys" and vault.tags(name) is not None:
        given, kept = _keys(value), _keys(str(az(*_show(environment, name))))
        if lost := [kid for kid, key in kept.items() if given.get(kid) != key]:
            raise HookError(
                f"without the key {', '.join(lost)} what it sealed is lost. Put the new key before "
                "the old ones: docs/operating.md, Change a key"
            )
    vault.put(name, value)
    _refresh(environment)


def _check(name: str, value: str) -> None:
    """As the app will: a value that it refuses would stop it."""
    if name == "client-certificate":  # to read one takes a library
        return
    setting = name.upper().replace("-", "_")
    try:
        settings.read({setting: value})
    except SettingsError as error:
        if why := dict(error.problems).get(setting):
            raise HookError(f"{name}: the app would refuse it, it {why}") from None


def _keys(value: str) -> dict[str, str]:
    """Key by its id."""
    return dict(part.strip().partition(":")[::2] for part in value.split(","))


def status(environment: Environment) -> None:
    """what is there, and what is missing; changes nothing"""
    account = _account(environment)
    print(f"az: tenant {account['tenantId']}")
    if client_id := environment.get("CLIENT_ID"):
        if _is_manual(environment):
            print(f"registration {client_id}: yours (REGISTRATION is manual)")
        else:
            app = registration.show(client_id)
            print(f"registration {client_id}: {app['displayName']}, {app['signInAudience']}")
    else:
        print("registration: none yet")
    if name := environment.get("KEY_VAULT_NAME"):
        vault = KeyVault(name)
        for secret in SECRETS:
            tags = vault.tags(secret)
            until = f", until {tags['expires_on']}" if tags and "expires_on" in tags else ""
            print(f"{name}/{secret}: {'there' + until if tags is not None else 'none'}")


def _add_keys(environment: Environment, vault: KeyVault) -> bool:
    """What a lost value of would cost dearly is made once and never again."""
    made: dict[str, Callable[[], str]] = {
        "encryption-keys": make_keys.encryption_key,
        "webhook-secret": make_keys.webhook_secret,
    }
    if environment.choose("ACCESS_TOKENS", "false", "true") == "true":
        made["access-token-key"] = lambda: secrets.token_urlsafe(32)
    added = [name for name, make in made.items() if vault.add(name, make)]
    if added:
        print(f"Made and put into the vault: {', '.join(added)}")
    return bool(added)


def _add_client_secret(environment: Environment, vault: KeyVault) -> bool:
    if _is_manual(environment):
        if vault.tags(client_secret.NAME) is None:
            raise HookError(
                "the vault has no client-secret. Put its value there, from a file or by hand: "
                "python -m infra.hooks put client-secret"
            )
        return False
    secret = ClientSecret(environment.need("CLIENT_ID"), vault, _today())
    if secret.is_good():
        secret.tidy()
        return False
    ends_on = _date(environment.need("CLIENT_SECRET_EXPIRES_ON"))
    if ends_on <= _today():
        ends_on = _today() + timedelta(days=_days(environment))
    secret.make(ends_on)
    print(f"Made a client secret, good until {ends_on}, and put it into the vault.")
    if ends_on.isoformat() != environment.get("CLIENT_SECRET_EXPIRES_ON"):
        _tell_expiry(environment, ends_on)
    return True


def _choose_expiry(environment: Environment) -> None:
    """The vault knows best when its secret ends; where it has none, the day is decided here."""
    known = None
    if (name := environment.get("KEY_VAULT_NAME")) and environment.get("FUNCTION_APP_ID"):
        try:
            known = (KeyVault(name).tags(client_secret.NAME) or {}).get("expires_on")
        except HookError:
            known = None  # finish waits for the role, and says what is wrong
    if known:
        environment.put("CLIENT_SECRET_EXPIRES_ON", known)
    elif not environment.get("CLIENT_SECRET_EXPIRES_ON") and not _is_manual(environment):
        ends_on = _today() + timedelta(days=_days(environment))
        environment.put("CLIENT_SECRET_EXPIRES_ON", ends_on.isoformat())


def _tell_expiry(environment: Environment, ends_on: date) -> None:
    environment.put("CLIENT_SECRET_EXPIRES_ON", ends_on.isoformat())
    az(
        *("functionapp", "config", "appsettings", "set"),
        *("--name", environment.need("FUNCTION_APP_NAME")),
        *("--resource-group", environment.need("AZURE_RESOURCE_GROUP")),
        *("--settings", f"CLIENT_SECRET_EXPIRES_ON={ends_on}"),
    )


def _refresh(environment: Environment) -> None:
    """The app looks at the vault once a day; this makes it look now."""
    app = environment.need("FUNCTION_APP_ID")
    url = f"{app}/config/configreferences/appsettings/refresh?api-version=2022-03-01"
    az("rest", "--method", "post", "--url", url)


def _account(environment: Environment) -> dict[str, str]:
    """Whom az is signed in as. Its own subscription counts: directories are asked by it too."""
    found = az("account", "show")
    account = {"tenantId": found["tenantId"], **found["user"]}
    tenant = environment.get("AZURE_TENANT_ID")
    if tenant and tenant != account["tenantId"]:
        raise HookError(
            f"az is signed in to the tenant {account['tenantId']}, and this environment is in "
            f"{tenant}. Run: az login --tenant {tenant}"
        )
    subscription = environment.get("AZURE_SUBSCRIPTION_ID")
    if subscription and subscription != found["id"]:
        raise HookError(
            f"az is set to the subscription {found['id']}, and this environment to "
            f"{subscription}. Run: az account set --subscription {subscription}"
        )
    return account


def _officer(environment: Environment, account: dict[str, str]) -> str:
    """The object id of whoever az is signed in as."""
    try:
        if account["type"] == "user":
            return str(az("ad", "signed-in-user", "show", "--query", "id"))
        return str(az("ad", "sp", "show", "--id", account["name"], "--query", "id"))
    except HookError:
        if known := environment.get("SECRETS_OFFICER_ID"):
            return known
        raise


def _show(environment: Environment, name: str) -> tuple[str, ...]:
    vault = environment.need("KEY_VAULT_NAME")
    return (
        *("keyvault", "secret", "show", "--vault-name", vault, "--name", name),
        "--query",
        "value",
    )


def _need_secrets(environment: Environment) -> None:
    credential = environment.choose("CLIENT_CREDENTIAL", *_CREDENTIALS)
    if credential != "secret":
        raise HookError(f"CLIENT_CREDENTIAL is {credential}: there is no client secret to change")


def _is_manual(environment: Environment) -> bool:
    return environment.choose("REGISTRATION", "auto", "manual") == "manual"


def _days(environment: Environment) -> int:
    return environment.days("CLIENT_SECRET_DAYS", 365, 730)


def _date(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise HookError(f"CLIENT_SECRET_EXPIRES_ON is no date like 2027-01-31: {value}") from None


def _today() -> date:
    return datetime.now(UTC).date()


def main(arguments: list[str] | None = None) -> int:
    """0 well, 1 with one sentence on stderr where it can't go on, 2 wrong usage."""
    verbs = {verb.__name__: verb for verb in (prepare, finish, rotate, retire, status)}
    parser = argparse.ArgumentParser(prog="python -m infra.hooks", description=__doc__)
    parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in verbs.items():
        parsers.add_parser(name, help=verb.__doc__, description=verb.__doc__)
    putting = parsers.add_parser("put", help=put.__doc__, description=put.__doc__)
    putting.add_argument("name", choices=SECRETS)
    options = parser.parse_args(arguments)
    try:
        environment = Environment.read()
        if environment.get("UNSEEN_HOOKS") == "off":
            print("UNSEEN_HOOKS is off: registration and secrets are left as they are.")
        elif options.verb == "put":
            put(environment, options.name)
        else:
            verbs[options.verb](environment)
    except HookError as error:
        print(f"unseen: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError) as error:
        print(f"unseen: az answered in a form that is not known here ({error!r}).", file=sys.stderr)
        print("Is it 2.68 or newer: az version", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
