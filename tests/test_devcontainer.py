"""The devcontainer names what the project asks for. It is not built here."""

import json
import re
from pathlib import Path

import pytest

from infra.package import wheels
from tests.lab import packages, run

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".devcontainer"
CONFIGURATION = json.loads((FOLDER / "devcontainer.json").read_text())
DOCKERFILE = (FOLDER / CONFIGURATION["build"]["dockerfile"]).read_text()
# Of .NET, and of a Debian that is as small as it can be.
_OTHERS = {"libicu72", "make"}


def commands() -> str:
    """The Dockerfile without comments, each instruction a line."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ")


def test_it_installs_what_the_lab_wants_and_no_more() -> None:
    install = re.search(r"apt-get install ([^&]+)&&", commands())
    assert install
    named = {word for word in install[1].split() if not word.startswith("-")}
    assert named == packages.WANTED | _OTHERS


def test_a_bare_machine_misses_all_of_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert set(packages.missing_packages()) == packages.WANTED


def test_python_node_and_debian_are_the_ones_that_the_project_runs_on() -> None:
    images = re.findall(r"^FROM (\S+)", commands(), re.MULTILINE)
    assert all("bookworm" in image for image in images), images
    node, python = (re.search(r":(\d+(?:\.\d+)?)-", image) for image in images)
    assert node and int(node[1]) >= packages.NODE_MAJOR
    assert python and python[1] == wheels.PYTHON


def test_versions_are_pinned() -> None:
    assert re.search(r"^ARG CORE_TOOLS=4\.\d+\.\d+$", commands(), re.MULTILINE)
    assert "azure-functions-core-tools@${CORE_TOOLS}" in commands()
    assert all(re.search(r":\d+$", feature) for feature in CONFIGURATION["features"])


def test_it_is_set_up_by_make_as_a_user_without_rights() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verb = CONFIGURATION["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{verb}:.*##", makefile, re.MULTILINE)
    assert CONFIGURATION["remoteUser"] == "vscode"
    assert "USER" not in commands()


def test_the_ports_of_the_quickstart_are_forwarded() -> None:
    page = (ROOT / "docs/quickstart.md").read_text()
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    assert run.PORT in CONFIGURATION["forwardPorts"]
    assert all(f"localhost:{port}" in page for port in CONFIGURATION["forwardPorts"])
    assert example["PUBLIC_BASE_URL"] == f"http://localhost:{run.PORT}"
    assert {int(port) for port in CONFIGURATION["portsAttributes"]} == set(
        CONFIGURATION["forwardPorts"]
    )


def test_shell_scripts_keep_their_line_ends_on_windows() -> None:
    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text().splitlines()


def test_it_says_that_it_was_not_built() -> None:
    assert "was not built" in (FOLDER / "README.md").read_text()
    assert "do not build it" in DOCKERFILE
