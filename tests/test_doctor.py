"""The doctor against the real parts: all well, and one thing broken at a time; -s shows it."""

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from shared import doctor, instants
from shared.account_rows import Account
from shared.findings import Examination
from tests.conftest import StartScripted
from tests.lab.imap_proxy import ImapProxy, says
from tests.lab.ports import free_port
from tests.lab.processes import plain_environment
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.submission import BAD_TOKEN, DISABLED, Fault

_ROOT = Path(__file__).parents[1]
_OTHER_KEY = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def account(app: SteppedApp, address: str) -> Account:
    return app.settled(address)


def examined(
    app: SteppedApp,
    account_id: str = "",
    clock: instants.Clock = instants.now,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Examination:
    """What the doctor finds where these settings differ from the app's; printed."""
    print()
    environment = app.environment | dict(settings)
    found = doctor.examine(environment, account_id, lambda one: print(one.line), clock)
    assert not [one for one in found.findings if "EwB4" in one.line]
    return found


def wrong(found: Examination) -> list[tuple[str, str, str]]:
    """Step, code and detail of what is wrong."""
    return [(one.step, one.code, one.detail) for one in found.findings if one.state == "wrong"]


def skipped(found: Examination) -> list[str]:
    return [one.step for one in found.findings if one.state == "skipped"]


def test_all_is_well(app: SteppedApp, account: Account) -> None:
    before = app.rows("accounts"), app.rows("once"), app.rows("mailboxes")
    found = examined(app, account.id)
    assert found.is_well
    assert (wrong(found), skipped(found)) == ([], [])
    assert [one.step for one in found.findings if not one.step.startswith("network")] == [
        *("python", "settings", "clock: Microsoft", "storage: tables", "clock: storage", "keys"),
        *("storage: queues", "app registration", "account", "token", "IMAP TLS"),
        *("AUTHENTICATE", "STATUS", "EXAMINE", "UNSEEN", "SMTP AUTH"),
    ]
    settings = app.parts.settings
    ports = (settings.authority_host[1], settings.imap_port, settings.smtp_port)
    networks = [one.step for one in found.findings if one.step.startswith("network")]
    assert networks == [f"network: localhost:{port}" for port in ports]
    assert (app.rows("accounts"), app.rows("once"), app.rows("mailboxes")) == before


# What the app needs


@pytest.mark.parametrize(
    ("setting", "value", "code", "detail"),
    [
        ("CLIENT_ID", "2f8ac4c6-0000-4000-8000-000000000bad", "client_id_unknown", "AADSTS700016"),
        ("CLIENT_SECRET", "another", "client_secret_refused", "AADSTS7000215"),
        (
            "PUBLIC_BASE_URL",
            "https://unseen.example",
            "redirect_uri_unknown",
            "AADSTS50011, https://unseen.example/api/callback",
        ),
    ],
)
def test_a_registration_that_does_not_fit_is_told_apart(
    app: SteppedApp, setting: str, value: str, code: str, detail: str
) -> None:
    found = examined(app, settings={setting: value})
    assert wrong(found) == [("app registration", code, detail)]


def test_an_authority_that_is_not_there_is_named(app: SteppedApp, services: Services) -> None:
    authority = f"{services.microsoft_url}/nowhere.example"
    assert wrong(examined(app, settings={"AUTHORITY": authority})) == [
        ("clock: Microsoft", "operator_registration", "AUTHORITY"),
        ("app registration", "operator_registration", "AUTHORITY"),
    ]


def test_a_secret_that_has_ended_is_told_from_a_wrong_one(
    app: SteppedApp, services: Services
) -> None:
    services.microsoft.next_answers("token", {"kind": "secret_expired"})
    assert wrong(examined(app)) == [("app registration", "credentials_expired", "AADSTS7000222")]


def test_storage_that_is_down_is_named(app: SteppedApp) -> None:
    parts = dict(one.split("=", 1) for one in app.storage.split(";") if one)
    nobody = f"http://127.0.0.1:{free_port()}/x"
    down = ";".join(f"{n}={nobody if n.endswith('Endpoint') else v}" for n, v in parts.items())
    found = examined(app, settings={"STORAGE": down, "AzureWebJobsStorage": down})
    assert [one[:2] for one in wrong(found)] == [
        ("storage: tables", "storage_unavailable"),
        ("storage: queues", "storage_unavailable"),
    ]
    assert skipped(found) == ["clock: storage", "keys"]


def test_a_key_that_stored_tokens_do_not_open_with_is_named(
    app: SteppedApp, account: Account
) -> None:
    found = examined(app, settings={"ENCRYPTION_KEYS": _OTHER_KEY})
    assert wrong(found) == [("keys", "sealed_data_damaged", "tokens")]
    renamed = examined(app, settings={"ENCRYPTION_KEYS": _OTHER_KEY.replace("k1", "k2")})
    assert wrong(renamed) == [("keys", "unknown_encryption_key", "k1")]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off_is_named(app: SteppedApp, minutes: int) -> None:
    found = examined(app, clock=lambda: instants.now() + timedelta(minutes=minutes))
    assert [one[:2] for one in wrong(found)] == [
        ("clock: Microsoft", "clock_wrong"),
        ("clock: storage", "clock_wrong"),
    ]
    for _, _, detail in wrong(found):
        assert abs(int(detail.removesuffix(" s")) - minutes * 60) < 30


def test_settings_that_are_wrong_are_each_named(app: SteppedApp) -> None:
    found = examined(app, settings={"CLIENT_ID": "", "SHARDS": "canary"})
    assert [one[2] for one in wrong(found)] == [
        "CLIENT_ID: is not set",
        "SHARDS: must be a whole number from 1 to 64",
    ]
    assert skipped(found) == ["everything else"]


def test_a_host_that_is_not_there_is_told_from_one_that_is_not_trusted(
    app: SteppedApp, script: StartScripted
) -> None:
    """The scripted server's certificate is of an authority that the app does not know."""
    nobody, stranger = free_port(), script().port
    for port, detail in (
        (nobody, "TCP: ConnectionRefusedError"),
        (stranger, "TLS: certificate not trusted"),
    ):
        found = examined(app, settings={"IMAP_HOST": f"localhost:{port}"})
        assert wrong(found) == [(f"network: localhost:{port}", "imap_unavailable", detail)]
    found = examined(app, settings={"IMAP_HOST": "nowhere.invalid"})
    assert wrong(found) == [("network: nowhere.invalid:993", "imap_unavailable", "DNS: gaierror")]


# A mailbox


def test_a_mailbox_that_refuses_imap_is_named(
    app: SteppedApp, account: Account, proxy: ImapProxy
) -> None:
    proxy.on("AUTHENTICATE", says("NO AUTHENTICATE failed."))
    found = examined(app, account.id, settings={"IMAP_HOST": f"localhost:{proxy.port}"})
    assert wrong(found) == [("AUTHENTICATE", "imap_denied", "")]
    assert skipped(found) == ["STATUS", "EXAMINE", "UNSEEN"]


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [(DISABLED, "smtp_disabled", "SMTP 535 5.7.139"), (BAD_TOKEN, "smtp_denied", "")],
    ids=["disabled", "denied"],
)
def test_a_mailbox_that_may_not_send_is_named(
    app: SteppedApp, account: Account, services: Services, fault: Fault, code: str, detail: str
) -> None:
    services.submission.fail(fault)
    assert wrong(examined(app, account.id)) == [("SMTP AUTH", code, detail)]


def test_a_sign_in_that_was_withdrawn_is_named(
    app: SteppedApp, account: Account, services: Services, address: str
) -> None:
    services.microsoft.revoke(address)
    expires = "2020-01-01T00:00:00Z"
    app.edit("tokens", account.shard, account.id, expires_at=expires)
    found = examined(app, account.id)
    assert wrong(found) == [("token", "sign_in_again", "AADSTS50173")]
    assert app.account(account.id).status == "active"


@pytest.mark.parametrize(
    ("columns", "code", "looks"),
    [
        ({"status": "blocked", "code": "imap_denied"}, "imap_denied", True),
        ({"status": "reconnect_required", "code": "sign_in_again"}, "sign_in_again", False),
    ],
)
def test_how_an_account_stands_is_said_first(
    app: SteppedApp, account: Account, columns: dict[str, Any], code: str, looks: bool
) -> None:
    app.edit("accounts", account.shard, account.id, **columns)
    found = examined(app, account.id)
    assert [one[:2] for one in wrong(found)] == [("account", code)]
    assert ("token" in skipped(found)) is not looks


def test_a_run_that_holds_the_account_is_not_disturbed(app: SteppedApp, account: Account) -> None:
    app.parts.enqueue.enqueue(instants.now())
    before = app.rows("accounts")
    found = examined(app, account.id)
    (line,) = [one.line for one in found.findings if one.step == "account"]
    assert found.is_well and "a run holds it until" in line
    assert app.rows("accounts") == before


def test_an_account_that_is_not_there_is_named(app: SteppedApp) -> None:
    found = examined(app, "acc_nobody")
    assert wrong(found) == [("account", "account_unknown", "")]


# The command


def run(
    folder: Path, environment: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared.doctor", *options]
    env = plain_environment() | {"PYTHONPATH": str(_ROOT)} | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_command_reads_the_file_and_says_by_its_code_how_it_is(
    app: SteppedApp, tmp_path: Path
) -> None:
    values = app.environment
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    well = run(tmp_path, {}, "--json")
    assert (well.returncode, json.loads(well.stdout)["status"], well.stderr) == (0, "ok", "")
    ill = run(tmp_path, {"CLIENT_SECRET": "another"})
    assert (ill.returncode, ill.stderr) == (1, "")
    assert "client_secret_refused (AADSTS7000215)" in ill.stdout
    secret = [values[name] for name in ("CLIENT_SECRET", "WEBHOOK_SECRET", "ENCRYPTION_KEYS")]
    assert not [one for one in secret if one in well.stdout + ill.stdout]


@pytest.mark.parametrize(
    ("options", "content"),
    [(("--acount", "x"), "{}"), ((), "{"), ((), '{"Values": {"SHARDS": 1}}')],
)
def test_wrong_usage_is_two(tmp_path: Path, options: tuple[str, ...], content: str) -> None:
    (tmp_path / "local.settings.json").write_text(content)
    ran = run(tmp_path, {}, *options)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr


def test_help_says_the_exit_codes(tmp_path: Path) -> None:
    ran = run(tmp_path, {}, "--help")
    assert ran.returncode == 0 and "Exit codes: 0" in ran.stdout
