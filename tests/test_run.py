"""`make run`: the doctor first, then the host, with the developer's settings and no lab."""

import json
import subprocess
import sys
from pathlib import Path

import requests

from tests.lab.ports import free_port, listens
from tests.lab.processes import ROOT, Process, plain_environment
from tests.lab.stepped_app import SteppedApp

_COMMAND = [sys.executable, "-m", "tests.lab.run", "--settings"]


def run(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """To its end."""
    command = [*_COMMAND, str(file), *options]
    env = plain_environment()
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_without_settings_it_says_how_to_make_them(tmp_path: Path) -> None:
    ran = run(tmp_path / "local.settings.json")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "cp local.settings.example.json local.settings.json" in ran.stderr


def test_what_the_doctor_finds_wrong_is_not_served(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"Values": {"SHARDS": "none"}}))
    ran = run(file)
    assert ran.returncode == 1
    assert "settings_wrong (CLIENT_ID: is not set)" in ran.stdout
    assert "ARGS=--anyway" in ran.stderr


def test_with_good_settings_the_app_is_served_until_it_is_told_to_end(
    app: SteppedApp, tmp_path: Path
) -> None:
    file, port = tmp_path / "local.settings.json", free_port()
    values = app.environment | {"PUBLIC_BASE_URL": f"http://localhost:{port}"}
    file.write_text(json.dumps({"Values": values}))
    ran = Process("make run", [*_COMMAND, file], tmp_path / "run.log", announces=True)
    try:
        assert ran.wait_for_ready_line(60) == values["PUBLIC_BASE_URL"]
        assert requests.get(f"{values['PUBLIC_BASE_URL']}/api/health", timeout=10).ok
    finally:
        ran.stop(40)
    assert not listens(port)
