"""`make keys`: what it prints is what the settings take."""

import subprocess
import sys
from pathlib import Path

from standardwebhooks import Webhook

from shared import make_keys, settings
from shared.vault import Vault

_ROOT = Path(__file__).parents[1]
_REST = {
    "CLIENT_ID": "client",
    "CLIENT_SECRET": "secret",
    "PUBLIC_BASE_URL": "https://unseen.example.com",
    "STORAGE": "AccountName=unseen;AccountKey=a2V5",
    "WEBHOOK_URL": "https://app.example.com/hook",
}


def printed() -> dict[str, str]:
    """The lines of the command, as settings."""
    command = [sys.executable, "-m", "shared.make_keys"]
    told = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in told.splitlines())


def test_the_settings_take_what_it_prints() -> None:
    made = printed()
    assert set(made) == {"ENCRYPTION_KEYS", "WEBHOOK_SECRET"}
    found = settings.read(_REST | made)
    vault = Vault(found.encryption_keys)
    assert vault.open(vault.seal(b"x", "a"), "a") == b"x"


def test_the_official_library_takes_the_webhook_secret() -> None:
    assert Webhook(make_keys.webhook_secret())


def test_no_two_are_alike() -> None:
    made = [make_keys.webhook_secret(), make_keys.webhook_secret()]
    made += [make_keys.encryption_key(), make_keys.encryption_key()]
    assert len(set(made)) == 4
