"""What the documents and the example file say is what the code does."""

import json
import re
from pathlib import Path

import pytest

from shared import events, make_keys, settings
from shared.catalogue import ENTRIES
from shared.errors import SettingsError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLE = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
_OF_THE_HOST = {"AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME"}


class Noted(dict[str, str]):
    """An environment that notes which names were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name: str, default: object = None) -> str:
        self.asked.add(name)
        return str(default or "")


def settings_in_code() -> set[str]:
    environment = Noted()
    with pytest.raises(SettingsError):
        settings.read(environment)
    return environment.asked


def first_column(heading: str) -> set[str]:
    """Names in backticks at the beginning of the rows of a section's table."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    columns = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return {name for column in columns for name in re.findall(r"`([^`]+)`", column)}


def test_the_table_of_settings_is_complete_and_true() -> None:
    assert first_column("Settings") == settings_in_code()


def test_the_example_file_knows_no_setting_that_is_not_there() -> None:
    assert set(EXAMPLE) <= settings_in_code() | _OF_THE_HOST


def test_the_example_file_as_it_is_names_what_has_to_be_filled_in() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read(EXAMPLE)
    named = {name for name, _ in refused.value.problems}
    assert named == {"CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "WEBHOOK_SECRET"}


def test_the_example_file_works_once_it_is_filled_in() -> None:
    filled = {
        "CLIENT_ID": "2f8ac4c6-0000-4000-8000-00000000c1d0",
        "CLIENT_SECRET": "a~secret",
        "ENCRYPTION_KEYS": make_keys.encryption_key(),
        "WEBHOOK_SECRET": make_keys.webhook_secret(),
    }
    assert settings.read(EXAMPLE | filled).open_connect


def test_what_the_example_file_says_of_the_rest_is_the_default() -> None:
    """But for what opens a machine of one's own: http, private addresses, open connect."""
    chosen = {"OPEN_CONNECT", "RETURN_URLS", "ALLOW_PRIVATE_ENDPOINTS", "WEBHOOK_URL"}
    chosen |= {"PUBLIC_BASE_URL", "AzureWebJobsStorage", "CLIENT_ID", "CLIENT_SECRET"}
    chosen |= {"ENCRYPTION_KEYS", "WEBHOOK_SECRET"}
    secrets = {
        "CLIENT_ID": "2f8ac4c6-0000-4000-8000-00000000c1d0",
        "CLIENT_SECRET": "a~secret",
        "ENCRYPTION_KEYS": make_keys.encryption_key(),
        "WEBHOOK_SECRET": make_keys.webhook_secret(),
    }
    whole = settings.read(EXAMPLE | secrets)
    least = {name: value for name, value in EXAMPLE.items() if name in chosen}
    assert settings.read(least | secrets) == whole


def test_every_event_is_in_the_readme() -> None:
    kinds = {
        value
        for name, value in vars(events).items()
        if name.startswith(("MAIL", "ACCOUNT_", "ENDPOINT_")) and name.isupper()
    }
    assert first_column("What your application gets") == kinds


def test_every_query_is_in_the_page_of_operating_and_every_code_there_is_known() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    queries = {file.name for file in (ROOT / "infra/queries").iterdir()}
    assert set(re.findall(r"`([a-z-]+\.kql)`", page)) == queries
    codes = re.findall(r"^\| (`[a-z_`, ]+`) \|", page, re.MULTILINE)
    assert {code for cell in codes for code in re.findall(r"[a-z_]+", cell)} <= set(ENTRIES)
    assert len(codes) > 3


def test_every_verb_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", README)) <= verbs
