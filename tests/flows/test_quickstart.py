"""docs/quickstart.md as a stranger follows it: the commands for the lab, word by word."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.processes import ROOT, Process, plain_environment
from tests.lab.waiting import wait_until

_PAGE = (ROOT / "docs/quickstart.md").read_text()
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_START = "make lab"


def commands() -> list[str]:
    """The blocks of the part about the lab, behind the demo's and the one that starts it."""
    part = _PAGE.partition("## In the lab")[2].partition("\n## ")[0]
    demo, start, *others = (block.strip() for block in _BLOCK.findall(part))
    assert (demo, start) == ("make demo", _START)  # the demo has its own run
    return others


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """With the lab standing that `make lab` starts, in a folder of its own."""
    chosen = {"LAB_FOLDER": str(tmp_path)}
    lab = Process(_START, _START.split(), tmp_path / "make.log", chosen)
    try:
        wait_until((tmp_path / "lab.json").exists, 90, "the lab stands")
        yield plain_environment() | chosen
    finally:
        lab.stop()


def test_the_quickstart_works_word_by_word(environment: dict[str, str]) -> None:
    def said(block: str) -> str:
        command = ["bash", "-euo", "pipefail", "-c", block]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def kinds() -> Counter[str]:
        return Counter(one["body"]["type"] for one in json.loads(said(look)))

    person, look, api = commands()
    assert said(person).splitlines()[-1] == "3 put into ada@outlook.example"
    wait_until(lambda: kinds()["mail.received"] == 3, 30, "the page's three mails arrive")
    assert '"address": "ada@outlook.example"' in said(api)
    assert "/api/login?invitation=" in said(api)
