"""The app as the platform meets it: imported without settings, indexed, started cold."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import StartLab
from tests.lab.lab import Lab
from tests.refusals import problem

ROOT = Path(__file__).parents[1]
_BARE = {"PATH": os.environ["PATH"]}


def python(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the app's folder, without any of its settings."""
    command = [sys.executable, *options]
    return subprocess.run(command, cwd=ROOT, env=_BARE, capture_output=True, text=True, check=False)


def imported() -> dict[str, int]:
    """Cumulated microseconds by module of `import function_app`."""
    told = python("-X", "importtime", "-c", "import function_app").stderr.splitlines()
    lines = [line.split("|") for line in told if line.startswith("import time:")]
    return {name.strip(): int(total) for _, total, name in lines if total.strip().isdecimal()}


def test_importing_the_app_needs_no_settings() -> None:
    assert python("-W", "error", "-c", "import function_app").returncode == 0


def test_a_cold_start_imports_neither_aiohttp_nor_a_queue_sdk() -> None:
    modules = imported()
    assert "function_app" in modules
    assert not {name for name in modules if name.startswith(("aiohttp", "azure.storage"))}


def test_a_cold_start_leaves_out_what_one_function_may_not_need() -> None:
    heavy = ("msal", "imapclient", "azure.data.tables", "cryptography", "requests", "urllib3")
    assert not {name for name in imported() if name.startswith(heavy)}


_TABLES = """
import sys
from shared import settings
from shared.connector import Connector
Connector(settings.read({environment!r})).tables
print(*(name for name in sys.modules if name in ("msal", "azure.data.tables", "azure.identity")))
"""


@pytest.mark.parametrize(
    ("storage", "imported"),
    [
        ({"AzureWebJobsStorage": "AccountName=unseen;AccountKey=a2V5"}, "azure.data.tables"),
        (
            {
                "AzureWebJobsStorage__accountName": "unseen",
                "IDENTITY_ENDPOINT": "http://127.0.0.1:41/msi",
                "IDENTITY_HEADER": "header",
            },
            "msal",
        ),
    ],
    ids=["connection string", "identity"],
)
def test_storage_imports_what_its_own_way_in_needs(storage: dict[str, str], imported: str) -> None:
    """The timer's function needs nothing of Microsoft's platform but its tables."""
    key = base64.b64encode(b"k" * 32).decode()
    environment = {
        "CLIENT_ID": "id",
        "CLIENT_SECRET": "secret",
        "PUBLIC_BASE_URL": "https://unseen.example.com",
        "ENCRYPTION_KEYS": f"k1:{key}",
        "WEBHOOK_URL": "https://app.example.com/hook",
        "WEBHOOK_SECRET": f"whsec_{key}",
        **storage,
    }
    ran = python("-c", _TABLES.format(environment=environment))
    assert ran.stdout.split() == [imported], ran.stderr


def test_the_real_worker_library_indexes_every_function(lab: Lab) -> None:
    headers = {"x-functions-key": lab.host.master_key}
    status = requests.get(f"{lab.host.base_url}/admin/host/status", headers=headers, timeout=10)
    assert sorted(status.json()["functions"]) == [
        "access_token",
        "account",
        "accounts",
        "attachment",
        "callback",
        "change_account",
        "change_endpoint",
        "change_message",
        "check_account",
        "connect_account",
        "connected",
        "create_endpoint",
        "dashboard",
        "dashboard_file",
        "delete_endpoint",
        "deliveries",
        "disconnect_account",
        "endpoint",
        "endpoints",
        "enqueue_due_mailboxes",
        "folders",
        "health",
        "health_details",
        "invite",
        "login",
        "message",
        "messages",
        "openapi",
        "poison",
        "raw_message",
        "redeem_result",
        "reencrypt",
        "replay_delivery",
        "replay_range",
        "reshard",
        "rotate_secret",
        "send_message",
        "tend_mailboxes",
        "test_endpoint",
    ]


def test_without_settings_the_host_serves_and_health_names_them_all(start_lab: StartLab) -> None:
    gone = ("CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "WEBHOOK_URL", "WEBHOOK_SECRET")
    lab = start_lab(settings=dict.fromkeys(gone, ""))
    answer = requests.get(f"{lab.host.base_url}/api/health", timeout=10)
    assert answer.status_code == 503
    assert {one.get("setting") for one in answer.json()["problems"]} == set(gone)
    status, code, detail = problem(lab.host.api("GET", "health/details"))
    assert (status, code) == (500, "settings_wrong")
    assert [name for name in gone if name not in detail] == [], detail
