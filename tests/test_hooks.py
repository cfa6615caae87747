"""The hooks of azd against NotAzure: run twice, killed in between, refused, on strange ground."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.hooks.registration import IMAP, SEND
from shared import make_keys, settings
from tests.lab.not_azure import OFFICER, TENANT, NotAzure

ROOT = Path(__file__).parents[1]
URI = "https://func-unseen-x.azurewebsites.net/api/callback"
TODAY = datetime.now(UTC).date()
# What `azd provision` leaves behind, from the outputs of infra/main.bicep.
PROVISIONED = {
    "APP_URL": URI.removesuffix("/api/callback"),
    "REDIRECT_URI": URI,
    "FUNCTION_APP_NAME": "func-unseen-x",
    "FUNCTION_APP_ID": "/subscriptions/5b/resourceGroups/rg-lab/providers/Microsoft.Web/sites/f",
    "KEY_VAULT_NAME": "kv-unseen-x",
    "IDENTITY_PRINCIPAL_ID": "1d000000-0000-4000-8000-000000000001",
    "AZURE_RESOURCE_GROUP": "rg-lab",
    "AZURE_TENANT_ID": TENANT,
}


class Azure(NotAzure):
    """NotAzure with an azd environment, and the hooks as azd starts them."""

    output = ""

    @property
    def app(self) -> dict[str, Any]:
        (app,) = self.state["apps"]
        return dict(app)

    def set(self, **values: str) -> None:
        self.state["env"] |= values

    def hook(self, *arguments: str, given: str = "") -> int:
        """The exit code; what was said is in `output`."""
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(
            [sys.executable, "-m", "infra.hooks", *arguments],
            env=environment,
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = ran.stdout + ran.stderr
        return ran.returncode

    def up(self) -> None:
        """What `azd up` does, as far as the hooks see it."""
        assert self.hook("prepare") == 0, self.output
        self.set(**PROVISIONED)
        assert self.hook("finish") == 0, self.output

    def value(self, secret: str) -> str:
        return str(self.state["vault"][secret][-1]["value"])

    def called(self, *words: str) -> list[list[str]]:
        return [call for call in self.calls if call[: len(words)] == list(words)]


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    azure = Azure(tmp_path)
    yield azure
    azure.stop()


def in_a_year() -> date:
    return TODAY + timedelta(days=365)


def test_a_first_deployment_registers_the_app_and_fills_the_vault(azure: Azure) -> None:
    azure.up()
    app, env = azure.app, azure.state["env"]
    assert env["CLIENT_ID"] == app["appId"]
    assert env["SECRETS_OFFICER_ID"] == OFFICER
    assert app["signInAudience"] == "AzureADandPersonalMicrosoftAccount"
    assert app["api"] == {"requestedAccessTokenVersion": 2}
    assert app["web"] == {"redirectUris": [URI]}
    asked = app["requiredResourceAccess"][0]["resourceAccess"]
    assert [access["id"] for access in asked] == [IMAP, SEND]
    assert azure.value("client-secret") == app["passwords"][0]["secretText"]
    assert app["passwords"][0]["endDateTime"].startswith(env["CLIENT_SECRET_EXPIRES_ON"])
    assert env["CLIENT_SECRET_EXPIRES_ON"] == in_a_year().isoformat()
    assert azure.state["refreshed"] == 1


def test_the_app_takes_what_is_in_the_vault(azure: Azure) -> None:
    azure.up()
    env = azure.state["env"]
    read = settings.read(
        {
            "CLIENT_ID": env["CLIENT_ID"],
            "CLIENT_SECRET": azure.value("client-secret"),
            "CLIENT_SECRET_EXPIRES_ON": env["CLIENT_SECRET_EXPIRES_ON"],
            "ENCRYPTION_KEYS": azure.value("encryption-keys"),
            "WEBHOOK_SECRET": azure.value("webhook-secret"),
            "PUBLIC_BASE_URL": env["APP_URL"],
            "WEBHOOK_URL": "https://hooks.example.com/",
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        }
    )
    assert read.redirect_uri == env["REDIRECT_URI"]
    assert read.credential_expires_on == in_a_year()


def test_again_it_changes_nothing(azure: Azure) -> None:
    azure.up()
    before = copy.deepcopy(azure.state)
    azure.up()
    assert azure.state == before


def test_no_secret_is_said_nor_kept_outside_the_vault(azure: Azure) -> None:
    azure.set(ACCESS_TOKENS="true")
    azure.up()
    said = azure.output
    azure.hook("status")
    said += azure.output
    state = azure.state
    assert set(state["vault"]) == {
        *("client-secret", "encryption-keys", "webhook-secret", "access-token-key")
    }
    for versions in state["vault"].values():
        assert versions[-1]["mode"] == "0o600"
        for place in (said, json.dumps(state["env"]), json.dumps(azure.calls)):
            assert versions[-1]["value"] not in place
    assert not list(Path(azure.folder).glob("unseen-*"))


CALLS = [
    "azd env set",
    "az ad app create",
    "az ad app update",
    "az ad app credential reset",
    "az keyvault secret set",
    "az rest",
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_anywhere_it_goes_on_to_the_same_end(azure: Azure, call: str, when: str) -> None:
    azure.dies = (when, call)
    killed = azure.hook("prepare") != 0
    azure.set(**PROVISIONED)
    if not killed:
        killed = azure.hook("finish") != 0
    assert killed
    assert azure.dies is None
    azure.up()
    assert azure.app["web"]["redirectUris"] == [URI]
    (password,) = azure.app["passwords"]  # one that was made and not stored is removed
    assert azure.value("client-secret") == password["secretText"]
    for name in ("encryption-keys", "webhook-secret", "client-secret"):
        assert len(azure.state["vault"][name]) == 1
    assert azure.state["refreshed"] >= (0 if call == "az rest" else 1)


def test_what_others_added_to_the_registration_stays(azure: Azure) -> None:
    azure.up()
    app = azure.app
    mine = {"resourceAppId": "another", "resourceAccess": [{"id": "read", "type": "Role"}]}
    app["requiredResourceAccess"] = [mine]
    app["web"]["redirectUris"] = ["http://localhost:7071/api/callback"]
    azure.state.update(apps=[app])
    azure.up()
    assert azure.app["web"]["redirectUris"] == ["http://localhost:7071/api/callback", URI]
    first, second = azure.app["requiredResourceAccess"]
    assert first == mine
    assert {access["id"] for access in second["resourceAccess"]} == {IMAP, SEND}


@pytest.mark.parametrize(
    ("authority", "audience"),
    [
        ("", "AzureADandPersonalMicrosoftAccount"),
        ("https://login.microsoftonline.com/organizations", "AzureADMultipleOrgs"),
        ("https://login.microsoftonline.com/consumers/", "PersonalMicrosoftAccount"),
        (f"https://login.microsoftonline.com/{TENANT}", "AzureADMyOrg"),
    ],
)
def test_who_may_sign_in_is_said_once(azure: Azure, authority: str, audience: str) -> None:
    azure.set(AUTHORITY=authority, SENDING="false")
    azure.up()
    assert azure.app["signInAudience"] == audience
    (access,) = azure.app["requiredResourceAccess"][0]["resourceAccess"]
    assert access["id"] == IMAP


def test_a_registration_of_somebody_else_with_that_name_is_not_touched(azure: Azure) -> None:
    other = {"appId": "2f", "displayName": "Unseen (lab)", "mine": False, "passwords": []}
    azure.state.update(apps=[other])
    assert azure.hook("prepare") == 1
    assert "REGISTRATION_NAME" in azure.output
    assert azure.app == other
    azure.set(REGISTRATION_NAME="Unseen of Grace")
    assert azure.hook("prepare") == 0
    assert azure.state["apps"][0] == other


def test_a_vault_that_has_keys_keeps_them(azure: Azure) -> None:
    kept = {"value": "k1:kept", "tags": None}
    azure.state.update(vault={"encryption-keys": [kept], "webhook-secret": [kept]})
    azure.up()
    assert azure.state["vault"]["encryption-keys"] == [kept]
    assert azure.state["vault"]["webhook-secret"] == [kept]


def test_a_client_secret_put_by_hand_is_good(azure: Azure) -> None:
    azure.state.update(vault={"client-secret": [{"value": "by hand", "tags": None}]})
    azure.up()
    assert azure.value("client-secret") == "by hand"
    assert azure.app["passwords"] == []


def test_rotation_puts_the_new_one_beside_the_former_until_it_is_retired(azure: Azure) -> None:
    azure.set(CLIENT_SECRET_DAYS="30")
    azure.up()
    (former,) = azure.app["passwords"]
    azure.set(CLIENT_SECRET_DAYS="90")
    assert azure.hook("rotate") == 0, azure.output
    ends_on = (TODAY + timedelta(days=90)).isoformat()
    assert azure.value("client-secret") == azure.app["passwords"][1]["secretText"]
    assert azure.state["env"]["CLIENT_SECRET_EXPIRES_ON"] == ends_on
    assert azure.state["app_settings"] == {"CLIENT_SECRET_EXPIRES_ON": ends_on}
    assert former in azure.app["passwords"]
    assert azure.hook("rotate") == 1  # Microsoft takes no third
    assert "retire" in azure.output
    assert azure.hook("retire") == 0, azure.output
    (left,) = azure.app["passwords"]
    assert left["secretText"] == azure.value("client-secret")
    azure.up()
    assert azure.state["env"]["CLIENT_SECRET_EXPIRES_ON"] == ends_on
    assert azure.hook("rotate") == 0, azure.output


def test_a_rotation_that_was_killed_leaves_no_third(azure: Azure) -> None:
    azure.up()
    azure.dies = ("after", "az ad app credential reset")
    assert azure.hook("rotate") != 0
    assert len(azure.app["passwords"]) == 2
    assert azure.hook("rotate") == 0, azure.output
    assert len(azure.app["passwords"]) == 2
    assert azure.value("client-secret") == azure.app["passwords"][1]["secretText"]


def test_a_secret_that_has_ended_is_followed_by_another_and_removed(azure: Azure) -> None:
    azure.up()
    app = azure.app
    app["passwords"][0]["endDateTime"] = f"{TODAY - timedelta(days=1)}T00:00:00Z"
    vault = azure.state["vault"]
    vault["client-secret"][0]["tags"]["expires_on"] = str(TODAY - timedelta(days=1))
    azure.state.update(apps=[app], vault=vault)
    azure.up()
    (password,) = azure.app["passwords"]
    assert azure.value("client-secret") == password["secretText"]
    assert azure.state["env"]["CLIENT_SECRET_EXPIRES_ON"] == in_a_year().isoformat()


def test_secrets_of_other_names_are_never_removed(azure: Azure) -> None:
    azure.up()
    app = azure.app
    theirs = {"keyId": "k", "displayName": "theirs", "endDateTime": "2020-01-01T00:00:00Z"}
    azure.state.update(apps=[app | {"passwords": [*app["passwords"], theirs]}])
    azure.up()
    assert azure.hook("retire") == 0
    assert theirs in azure.app["passwords"]


def test_a_role_that_does_not_hold_yet_is_waited_for(azure: Azure) -> None:
    from infra.hooks.errors import HookError
    from infra.hooks.key_vault import KeyVault

    waits: list[float] = []
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{azure.folder}:{path}"
    try:
        azure.state.update(forbidden=3)
        KeyVault("kv", waits.append).wait()
        assert waits == [10, 10, 10]
        azure.state.update(forbidden=1000)
        with pytest.raises(HookError, match="SECRETS_OFFICER_ID"):
            KeyVault("kv", waits.append).wait()
    finally:
        os.environ["PATH"] = path


def test_without_a_secret_the_managed_identity_is_trusted(azure: Azure) -> None:
    azure.set(
        CLIENT_CREDENTIAL="federated",
        AUTHORITY="https://login.microsoftonline.com/organizations",
    )
    azure.up()
    azure.up()
    (trusted,) = azure.app["federated"]
    assert trusted["subject"] == PROVISIONED["IDENTITY_PRINCIPAL_ID"]
    assert trusted["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert trusted["audiences"] == ["api://AzureADTokenExchange"]
    assert "client-secret" not in azure.state["vault"]
    assert "CLIENT_SECRET_EXPIRES_ON" not in azure.state["env"]
    assert azure.hook("rotate") == 1
    assert "no client secret" in azure.output
    azure.set(IDENTITY_PRINCIPAL_ID="another")  # the environment was made anew
    assert azure.hook("finish") == 0, azure.output
    (trusted,) = azure.app["federated"]
    assert trusted["subject"] == "another"


def test_a_registration_made_by_hand_is_left_alone(azure: Azure) -> None:
    azure.set(REGISTRATION="manual")
    assert azure.hook("prepare") == 1
    assert "CLIENT_ID" in azure.output
    azure.set(CLIENT_ID="2f8ac4c6-0000-4000-8000-00000000c1d0", **PROVISIONED)
    assert azure.hook("prepare") == 0, azure.output
    assert azure.hook("finish") == 1
    assert "put client-secret" in azure.output
    assert azure.hook("put", "client-secret", given="a~secret\n") == 0, azure.output
    assert azure.value("client-secret") == "a~secret"
    assert azure.hook("finish") == 0, azure.output
    assert not azure.called("az", "ad", "app")


def test_a_certificate_has_to_be_there(azure: Azure) -> None:
    azure.set(CLIENT_CREDENTIAL="certificate")
    assert azure.hook("prepare") == 0
    azure.set(**PROVISIONED)
    assert azure.hook("finish") == 1
    assert "put client-certificate" in azure.output
    assert azure.hook("put", "client-certificate", given="-----BEGIN …") == 0
    assert azure.hook("finish") == 0, azure.output


def test_an_encryption_key_that_is_in_use_can_not_be_put_away(azure: Azure) -> None:
    azure.up()
    old, new = azure.value("encryption-keys"), f"k2:{make_keys.encryption_key().partition(':')[2]}"
    assert azure.hook("put", "encryption-keys", given=new) == 1
    assert "Change a key" in azure.output
    assert old not in azure.output
    assert azure.value("encryption-keys") == old
    assert azure.hook("put", "encryption-keys", given=f"{new}, {old}\n") == 0, azure.output
    assert azure.value("encryption-keys") == f"{new}, {old}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("encryption-keys", "k1:short"), ("webhook-secret", "secret"), ("client-secret", "<value>")],
)
def test_what_the_app_would_refuse_is_not_put_into_the_vault(
    azure: Azure, name: str, value: str
) -> None:
    azure.set(**PROVISIONED)
    assert azure.hook("put", name, given=value) == 1
    assert "the app would refuse it" in azure.output
    assert azure.state["vault"] == {}
    assert azure.hook("put", name, given="") == 1
    assert "standard input" in azure.output


def test_a_vault_that_was_removed_comes_back(azure: Azure) -> None:
    azure.up()
    azure.state.update(deleted_vaults=["kv-unseen-x"])
    assert azure.hook("prepare") == 0, azure.output
    assert azure.state["env"]["KEY_VAULT_CREATE_MODE"] == "recover"
    azure.state.update(deleted_vaults=[])
    assert azure.hook("prepare") == 0, azure.output
    assert azure.state["env"]["KEY_VAULT_CREATE_MODE"] == "default"


def test_a_pipeline_leaves_registration_and_secrets_alone(azure: Azure) -> None:
    azure.set(UNSEEN_HOOKS="off")
    assert azure.hook("prepare") == azure.hook("finish") == 0
    assert not azure.called("az")


REFUSALS = {
    "signed out": (lambda azure: azure.state.update(signed_in=""), "az login"),
    "not allowed": (
        lambda azure: azure.refuses.update({"app create": "ERROR: Insufficient privileges to …"}),
        "REGISTRATION manual",
    ),
    "other tenant": (lambda azure: azure.set(AZURE_TENANT_ID="another"), "az login --tenant"),
    "other subscription": (
        lambda azure: azure.set(AZURE_SUBSCRIPTION_ID="another"),
        "az account set --subscription another",
    ),
    "throttled": (
        lambda azure: azure.refuses.update({"account show": "ERROR: (TooManyRequests) wait"}),
        "in a minute",
    ),
    "gone": (lambda azure: azure.set(CLIENT_ID="2f"), "not in az' tenant"),
    "word": (lambda azure: azure.set(CLIENT_CREDENTIAL="password"), "one of: secret"),
    "days": (lambda azure: azure.set(CLIENT_SECRET_DAYS="many"), "1 to 730"),
    "no az": (lambda azure: (azure.folder / "az").unlink(), "install-azure-cli"),
    "unknown": (
        lambda azure: azure.refuses.update({"account show": "ERROR: the moon is full"}),
        "the moon is full",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_each_failure_says_what_to_do(azure: Azure, name: str) -> None:
    spoil: Callable[[Azure], object] = REFUSALS[name][0]
    spoil(azure)
    assert azure.hook("prepare") == 1
    assert REFUSALS[name][1] in azure.output
    assert "Traceback" not in azure.output


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ERROR: CredentialInvalidLifetimeAsPerAppPolicy", "CLIENT_SECRET_DAYS"),
        ("ERROR: Credential type not allowed: CredentialTypeNotAllowedAsPerAppPolicy", "federated"),
    ],
)
def test_a_policy_against_secrets_is_named(azure: Azure, said: str, advice: str) -> None:
    assert azure.hook("prepare") == 0
    azure.set(**PROVISIONED)
    azure.refuses.update({"credential reset": said})
    assert azure.hook("finish") == 1
    assert advice in azure.output
    assert "client-secret" not in azure.state["vault"]


@pytest.mark.parametrize("verb", ["prepare", "finish", "rotate", "retire", "put", "status"])
def test_each_verb_has_help(azure: Azure, verb: str) -> None:
    assert azure.hook(verb, "--help") == 0
    assert "usage: python -m infra.hooks" in azure.output
    assert not azure.calls


@pytest.mark.parametrize("call", ["az functionapp config appsettings set", "az rest"])
def test_what_a_killed_rotation_did_not_tell_the_next_deployment_tells(
    azure: Azure, call: str
) -> None:
    azure.up()
    azure.set(CLIENT_SECRET_DAYS="90")
    azure.dies = ("before", call)
    assert azure.hook("rotate") != 0
    assert azure.dies is None
    azure.set(CLIENT_SECRET_EXPIRES_ON="2027-01-01")  # as a clone elsewhere may still have it
    azure.up()
    ends_on = (TODAY + timedelta(days=90)).isoformat()
    assert azure.state["env"]["CLIENT_SECRET_EXPIRES_ON"] == ends_on
    assert len(azure.state["vault"]["client-secret"]) == 2


def test_nothing_is_retired_where_the_vaults_secret_is_somebodys_own(azure: Azure) -> None:
    azure.up()
    assert azure.hook("put", "client-secret", given="by hand") == 0
    before = azure.app["passwords"]
    assert azure.hook("retire") == 1
    azure.up()
    assert azure.app["passwords"] == before
    assert azure.value("client-secret") == "by hand"


@pytest.mark.parametrize("answer", ["Welcome to az!", "[", "{}", "[]", "null"])
def test_an_answer_that_is_none_ends_in_a_sentence(azure: Azure, answer: str) -> None:
    (azure.folder / "az").write_text(f"#!/bin/sh\necho '{answer}'\n")
    assert azure.hook("prepare") == 1
    assert "no JSON" in azure.output or "az version" in azure.output
    assert "Traceback" not in azure.output
