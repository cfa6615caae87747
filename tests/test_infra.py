"""infra/ hangs together: what it refers to is there, and what it sets the app knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.hooks import __main__ as hooks
from shared import make_keys, settings
from tests import bicep
from tests.bicep import INFRA, Bicep
from tests.test_documents import EXAMPLE, first_column, settings_in_code

ROOT = INFRA.parent
PARAMETERS = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
AZD = yaml.safe_load((ROOT / "azure.yaml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/azure-dev.yml").read_text())
MAIN = bicep.read(INFRA / "main.bicep")

PAGES = [ROOT / "README.md", ROOT / "docs/deploying.md", ROOT / "docs/registering.md"]

# Versions that Azure's reference lists (learn.microsoft.com/azure/templates); a typo is none.
API_VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/vaults": "2023-07-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2023-01-31",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.Resources/resourceGroups": "2024-03-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Web/serverfarms": "2024-04-01",
    "Microsoft.Web/sites": "2024-04-01",
}
# Built-in roles, from learn.microsoft.com/azure/role-based-access-control/built-in-roles.
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
}
# Settings that make sense in one place only, and why.
NOT_IN_AZURE = {
    "AzureWebJobsStorage": "AzureWebJobsStorage__… instead: an identity, no connection string",
    "STORAGE": "the tables are in the host's account, by its identity",
    "SSL_CERT_FILE": "a file on a machine; in Azure certifi's authorities are right",
    "IDENTITY_ENDPOINT": "set by Azure",
    "IDENTITY_HEADER": "set by Azure",
}
NOT_IN_THE_EXAMPLE = {
    "CLIENT_CERTIFICATE": "beside CLIENT_SECRET it is refused, an empty one would be no example",
    "FEDERATED_IDENTITY_CLIENT_ID": "works in Azure only",
    "IDENTITY_ENDPOINT": "set by Azure",
    "IDENTITY_HEADER": "set by Azure",
    "SSL_CERT_FILE": "an empty one would take all authorities away",
    "STORAGE": "the same storage as AzureWebJobsStorage, unless somebody wants another",
}
# What the host and Azure's libraries read, and not we.
OF_THE_HOST = {
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}


def in_azd() -> dict[str, str]:
    """Parameter of Bicep to the variable of azd's environment that it is taken from."""
    found = {name: entry["value"] for name, entry in PARAMETERS.items()}
    assert all(re.fullmatch(r"\$\{[A-Z_]+\}", value) for value in found.values()), found
    return {name: value[2:-1] for name, value in found.items()}


@pytest.mark.parametrize("file", bicep.all_files(), ids=lambda file: str(file.path.name))
def test_a_file_holds_what_it_refers_to(file: Bicep) -> None:
    for path in file.loaded:
        assert path.is_file(), path
    for name, module in file.modules.items():
        path = file.path.parent / module["detail"]["path"]
        assert path.is_file(), path
        wanted = bicep.read(path).parameters
        config = module["config"]
        given = set(config.get("config", config)["params"])  # one within where it has a condition
        required = {each for each, entry in wanted.items() if entry.get("default") is None}
        assert given <= set(wanted), f"{name} has no {given - set(wanted)}"
        assert required <= given, f"{name} wants {required - given}"
    for name in file.declared - unread(file):
        assert file.uses(name), f"{name} is declared and not used"


def unread(file: Bicep) -> set[str]:
    """Resources and modules may stand for themselves."""
    return {*file.resources, *file.modules}


@pytest.mark.parametrize("file", bicep.all_files(), ids=lambda file: str(file.path.name))
def test_what_is_taken_from_a_module_is_an_output_of_it(file: Bicep) -> None:
    for name, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", file.text):
        module = file.path.parent / file.modules[name]["detail"]["path"]
        assert output in bicep.read(module).outputs, f"{name}.outputs.{output}"
    for name in re.findall(r"(?<![\w.])(\w+)\.(?:id|name|properties)\b", file.text):
        assert name in file.declared | {"rule", "part"}, name
    for name in re.findall(r"\bparent: (\w+)|\bscope: (\w+)", file.text):
        assert set(name) - {""} <= file.declared, name


@pytest.mark.parametrize("file", bicep.all_files(), ids=lambda file: str(file.path.name))
def test_api_versions_and_roles_are_known(file: Bicep) -> None:
    kinds = re.findall(r"^resource \w+ '([\w.]+/\w+)[\w/]*@([\w-]+)'", file.text, re.MULTILINE)
    assert len(kinds) == len(file.resources)
    for kind, version in kinds:
        assert API_VERSIONS[kind] == version
    for role in re.findall(r"'(\w{8}-\w{4}-\w{4}-\w{4}-\w{12})'", file.text):
        assert role in ROLES


def test_all_roles_are_given_and_on_one_resource_only() -> None:
    """Least rights: none reaches further than the account, vault or log that it is for."""
    text = "".join(file.text for file in bicep.all_files())
    assert {role for role in ROLES if role in text} == set(ROLES)
    scopes = re.findall(r"roleAssignments@[^{]*\{\s*name: .*\n\s*scope: (\w+)", text)
    assert set(scopes) == {"storage", "vault", "insights"}
    assert len(scopes) == text.count("roleAssignments@")


def test_no_key_opens_anything() -> None:
    text = "".join(file.text for file in bicep.all_files())
    for line in (
        "allowSharedKeyAccess: false",
        "allowBlobPublicAccess: false",
        "minimumTlsVersion: 'TLS1_2'",
        "enableRbacAuthorization: true",
        "enablePurgeProtection: true",
        "DisableLocalAuth: true",
        "httpsOnly: true",
        "AzureWebJobsStorage__credential: 'managedidentity'",
        "properties: { allow: false }",
    ):
        assert line in text, line
    assert "listKeys" not in text


def test_the_app_gets_the_runtime_and_queues_that_it_is_written_for() -> None:
    function = bicep.read(INFRA / "app/function.bicep").text
    storage = bicep.read(INFRA / "app/storage.bicep").text
    assert "version: '3.13'" in function
    due = (ROOT / "functions/due.py").read_text()
    queue = re.findall(r'^QUEUE = "([a-z-]+)"', due, re.MULTILINE)[0]
    assert re.findall(r"name: '(mailboxes-[a-z-]+)'", storage) == [queue, f"{queue}-poison"]
    assert "'azd-service-name': 'app'" in function
    assert set(AZD["services"]) == {"app"}


def test_settings_are_the_same_in_code_in_azure_in_the_readme_and_in_the_example() -> None:
    assert first_column("Settings") == settings_in_code()
    # The host's storage is an identity's there, and a connection string's here.
    code = {name for name in settings_in_code() if not name.startswith("AzureWebJobsStorage__")}
    assert bicep.app_settings() - OF_THE_HOST == code - set(NOT_IN_AZURE)
    assert set(EXAMPLE) - {"FUNCTIONS_WORKER_RUNTIME"} == code - set(NOT_IN_THE_EXAMPLE)
    assert set(NOT_IN_AZURE) | set(NOT_IN_THE_EXAMPLE) <= code


def test_each_setting_in_azure_can_be_chosen_under_its_own_name() -> None:
    """Or comes from the vault, or of what Bicep made."""
    made = {"ACCESS_TOKEN_KEY", "CLIENT_CERTIFICATE", "CLIENT_SECRET", "ENCRYPTION_KEYS"}
    made |= {"FEDERATED_IDENTITY_CLIENT_ID", "WEBHOOK_SECRET"}
    assert bicep.app_settings() - OF_THE_HOST - made <= set(in_azd().values())


def test_each_parameter_is_handed_over_by_azd() -> None:
    assert set(PARAMETERS) == set(MAIN.parameters)
    special = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    for parameter, variable in in_azd().items():
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()
        assert variable == special.get(parameter, snake)


def test_no_output_is_an_input_of_the_next_deployment() -> None:
    """azd keeps outputs in the environment that parameters are taken from."""
    assert not MAIN.outputs & set(in_azd().values())


def test_each_secret_that_a_setting_refers_to_is_one_that_the_hooks_know() -> None:
    function = bicep.read(INFRA / "app/function.bicep").text
    named = set(re.findall(r"\$\{reference\}([a-z-]+)\)", function))
    assert named == set(hooks.SECRETS)


def test_the_hooks_need_only_what_bicep_gives() -> None:
    source = "".join(file.read_text() for file in (INFRA / "hooks").glob("*.py"))
    needed = set(re.findall(r'need\("([A-Z_]+)"\)', source))
    assert needed <= MAIN.outputs | set(in_azd().values())


def test_azd_ships_what_make_package_builds() -> None:
    service = AZD["services"]["app"]
    assert (service["host"], service["language"]) == ("function", "custom")
    assert service["dist"] == "dist/unseen.zip"
    assert "infra.package" in service["hooks"]["prepackage"]["posix"]["run"]


@pytest.mark.parametrize("stage", ["preprovision", "postprovision"])
def test_azds_hooks_are_verbs_of_ours_on_each_system(stage: str) -> None:
    for system in ("posix", "windows"):
        run = AZD["hooks"][stage][system]["run"]
        (verb,) = re.findall(r"-m infra\.hooks (\w+)", run)
        assert callable(getattr(hooks, verb))


def test_queries_for_alerts_are_used_and_the_others_are_in_the_workbook() -> None:
    alerts = {path.name for path in bicep.read(INFRA / "app/alerts.bicep").loaded}
    shown = {path.name for path in bicep.read(INFRA / "app/workbook.bicep").loaded}
    there = {path.name for path in (INFRA / "queries").iterdir()}
    assert alerts == {name for name in there if name.startswith("alert-")}
    assert shown == there - alerts - {"correlated.kql"}  # which wants an id


def test_queries_ask_for_events_and_fields_that_the_log_has() -> None:
    files = [*ROOT.glob("shared/*.py"), *ROOT.glob("functions/*.py")]
    source = "\n".join(file.read_text() for file in files)
    events = set(re.findall(r'log\.(?:info|warning|error|at)\([^")]*"(\w+)"', source))
    for query in (INFRA / "queries").iterdir():
        text = re.sub(r"^//.*$", "", query.read_text(), flags=re.MULTILINE)
        for line in re.findall(r"(?:\bevent\)?|\(log\.event\)) (?:==|in) (\(.*?\)|\"\w+\")", text):
            named = set(re.findall(r'"(\w+)"', line))
            assert named <= events, f"{query.name}: {named - events}"
        for field in set(re.findall(r"\blog\.(\w+)", text)) - {"event", "correlation_id", "code"}:
            assert re.search(rf'\b{field}=|"{field}"', source), f"{query.name}: {field}"


def triggers() -> dict[str, Any]:
    return dict(WORKFLOW[True])  # `on:` is YAML 1.1's true


def test_the_workflow_may_do_little_and_deploys_only_what_passed() -> None:
    assert WORKFLOW["permissions"] == {}
    jobs = WORKFLOW["jobs"]
    assert jobs["check"]["permissions"] == jobs["bicep"]["permissions"] == {"contents": "read"}
    assert jobs["deploy"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert set(jobs["deploy"]["needs"]) == {"check", "bicep"}
    assert "github.event_name != 'pull_request'" in jobs["deploy"]["if"]
    assert "pull_request_target" not in triggers()
    said = json.dumps(WORKFLOW)
    assert "bash .ci/run" in said
    assert "az bicep build --file infra/main.bicep" in said
    assert "--federated-credential-provider github" in said


def test_what_the_workflow_runs_is_there_and_each_action_is_pinned() -> None:
    for job in WORKFLOW["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|[0-9a-f]{40})", step["uses"])
            for file in re.findall(r"\b(?:infra|\.ci)/[\w./-]+", step.get("run", "")):
                assert (ROOT / file).exists(), file


def test_a_pipeline_hands_over_what_azd_does() -> None:
    """All but what the hooks find out each time, and what azd has under names of its own."""
    of_azd = {"AZURE_ENV_NAME", "AZURE_LOCATION", "KEY_VAULT_CREATE_MODE"}
    wanted = set(in_azd().values()) - of_azd
    pipeline = AZD["pipeline"]
    assert set(pipeline["variables"]) | set(pipeline["secrets"]) == wanted
    provision = next(
        step for step in WORKFLOW["jobs"]["deploy"]["steps"] if step.get("name") == "Provision"
    )
    given = provision["env"]
    assert set(given) == wanted | {"UNSEEN_HOOKS"}
    for name in pipeline["variables"]:
        assert given[name] == f"${{{{ vars.{name} }}}}"
    for name in pipeline["secrets"]:
        assert given[name] == f"${{{{ secrets.{name} }}}}"


def test_what_azd_keeps_of_an_environment_is_not_committed() -> None:
    assert {".azure/", "dist/"} <= set((ROOT / ".gitignore").read_text().split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_what_a_page_tells_to_do_can_be_done(page: Path) -> None:
    text = page.read_text()
    verbs = {"prepare", "finish", "rotate", "retire", "status", "put"}
    assert set(re.findall(r"infra\.hooks (\w+)", text)) <= verbs
    assert set(re.findall(r"\bput ([a-z]+-[a-z-]+)", text)) <= set(hooks.SECRETS)
    source = "".join(file.read_text() for file in (INFRA / "hooks").glob("*.py"))
    read = set(re.findall(r'(?:get|need|choose|days)\("([A-Z_]+)"', source))
    chosen = set(re.findall(r"azd env set ([A-Z_]+)", text))
    assert chosen <= read | set(in_azd().values())
    got = set(re.findall(r"azd env get-value ([A-Z_]+)", text))
    assert got <= MAIN.outputs | set(in_azd().values())
    for name in set(re.findall(r"^az deployment[^`]*", text, re.MULTILINE)):
        assert set(re.findall(r"\b(\w+)=", name)) <= set(MAIN.parameters)


def test_each_variable_of_azd_is_in_the_page_of_deploying_or_is_a_setting() -> None:
    page = (ROOT / "docs/deploying.md").read_text()
    found_out = {"CLIENT_ID", "CLIENT_SECRET_EXPIRES_ON", "KEY_VAULT_CREATE_MODE"}
    found_out |= {"AZURE_ENV_NAME", "AZURE_LOCATION", "SECRETS_OFFICER_ID"}
    for variable in set(in_azd().values()) - settings_in_code() - found_out:
        assert f"`{variable}`" in page, variable


def test_alerts_lead_to_a_page_that_is_there() -> None:
    text = (INFRA / "app/alerts.bicep").read_text()
    for page, heading in re.findall(r"(docs/[\w.]+md), ([A-Z][\w ]+)\.", text):
        assert f"\n## {heading}\n" in (ROOT / page).read_text()
    assert "timer_late" in (ROOT / "docs/operating.md").read_text()


def test_an_empty_setting_stands_for_its_default() -> None:
    """Bicep hands over what nobody chose as an empty text."""
    chosen = {"CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "PUBLIC_BASE_URL", "WEBHOOK_URL"}
    chosen |= {"WEBHOOK_SECRET"}
    filled = {
        **{"CLIENT_ID": "2f8ac4c6-0000-4000-8000-00000000c1d0", "CLIENT_SECRET": "a~secret"},
        **{"ENCRYPTION_KEYS": make_keys.encryption_key(), "WEBHOOK_URL": "https://a.example/"},
        **{"WEBHOOK_SECRET": make_keys.webhook_secret(), "PUBLIC_BASE_URL": "https://u.example"},
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    }
    empty = dict.fromkeys(bicep.app_settings() - OF_THE_HOST - chosen, "")
    assert len(empty) > 15
    assert settings.read(filled | empty) == settings.read(filled)
