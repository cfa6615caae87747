"""The lab's command line, as a developer uses it: two side by side, and nothing left behind."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.mails import made_up
from tests.lab.ports import free_port
from tests.lab.processes import Process
from tests.lab.receiver.client import ReceiverClient
from tests.lab.waiting import wait_until

ROOT = Path(__file__).parents[2]
_FIELDS = {
    *("base_url", "login_url", "function_key", "master_key", "microsoft_url"),
    *("microsoft_control_url", "imap_host", "imap_port", "ca_file", "storage_connection_string"),
    *("receiver_url", "received_url", "host_pid", "log_file"),
}


class StandingLab:
    """A lab that `up` started, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "tests.lab", "--folder", str(folder), "up"]
        # As in the background of a shell, where Ctrl-C's signal is ignored to begin with.
        self.process = subprocess.Popen(
            ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command, "--beat", "0.5"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        wait_until((folder / "lab.json").exists, 40, "the lab stands")

    @property
    def about(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "lab.json").read_text())
        return found

    @property
    def receiver(self) -> ReceiverClient:
        return ReceiverClient(self.about["received_url"].removesuffix("/received"))

    def run(self, *verb: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Runs another verb on it."""
        command = [sys.executable, "-m", "tests.lab", "--folder", str(self.folder), *verb]
        return subprocess.run(command, cwd=ROOT, input=given, capture_output=True, check=False)

    def end(self, number: int) -> None:
        """Sends the signal and makes sure that none of its processes outlives it."""
        family = descendants(self.process.pid)
        assert len(family) > 5
        self.process.send_signal(number)
        self.process.wait(40)
        wait_until(lambda: not any(map(is_alive, family)), 10, f"{family} have ended")


def descendants(pid: int) -> set[int]:
    """Children of a process and theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = {child for child, parent in parents.items() if parent == pid}
    return found.union(*(descendants(child) for child in found))


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandingLab, StandingLab]]:
    """Two labs at once."""
    pair = (
        StandingLab(tmp_path_factory.mktemp("lab")),
        StandingLab(tmp_path_factory.mktemp("lab")),
    )
    yield pair
    for lab in pair:
        lab.process.kill()
        lab.process.wait(10)


def test_two_labs_stand_side_by_side(labs: tuple[StandingLab, StandingLab]) -> None:
    one, other = (lab.about for lab in labs)
    assert set(one) >= _FIELDS
    assert all(
        requests.get(f"{about['base_url']}/api/health", timeout=10).json()["status"] == "ok"
        for about in (one, other)
    )
    assert one["storage_connection_string"] != other["storage_connection_string"]


def test_a_mailbox_is_connected_and_gets_mail(
    labs: tuple[StandingLab, StandingLab], address: str, tmp_path: Path
) -> None:
    lab, other = labs
    file = tmp_path / "hello.eml"
    file.write_bytes(made_up(address, "From a file"))
    assert lab.run("connect", address).stdout == b"200 Your mailbox is connected\n"
    assert lab.run("mail", address, str(file), "--count", "2").returncode == 0
    assert lab.run("mail", address, "-", given=made_up(address, "From stdin")).returncode == 0
    assert lab.run("timer").returncode == 0
    lab.receiver.wait_for(4, address)
    assert not other.receiver.received(address)


def test_the_commands_of_the_examples_readme_start_them(
    labs: tuple[StandingLab, StandingLab], tmp_path: Path
) -> None:
    """Word by word, but for folder and port; twice, since a shell is closed now and then."""
    lab = labs[0]
    readme = (ROOT / "examples/README.md").read_text()
    blocks = re.findall(r"```\n(eval .*?\n)(.*?)\n```", readme)
    assert len(blocks) == 2
    for number, (environment, start) in enumerate(blocks):
        port = free_port()
        script = f"{environment}{environment}exec {start}"
        script = re.sub(r"\b300[01]\b", str(port), script)
        script = script.replace("-m tests.lab", f"-m tests.lab --folder {lab.folder}")
        script = script.replace(".venv/bin/python", sys.executable)
        example = Process("an example", ["sh", "-c", script], tmp_path / f"{number}.log")
        example.wait_for_port(port)
        assert requests.get(f"http://localhost:{port}", timeout=30).status_code in {200, 404}
        headers = {"x-functions-key": lab.about["function_key"]}
        endpoints = requests.get(
            f"{lab.about['base_url']}/api/endpoints", headers=headers, timeout=30
        ).json()["endpoints"]
        hook = f"http://localhost:{port}/webhooks"
        [own] = [one for one in endpoints if one["url"] == hook]
        path = f"/api/endpoints/{own['id']}/test"
        tested = requests.post(f"{lab.about['base_url']}{path}", headers=headers, timeout=30)
        assert tested.json()["status"] == 204
        example.kill()


def test_the_host_is_killed_and_started(labs: tuple[StandingLab, StandingLab]) -> None:
    lab = labs[0]
    first = lab.about["host_pid"]
    assert lab.run("host", "kill").returncode == 0
    assert not is_alive(first)
    assert lab.run("timer").returncode == 1
    assert lab.run("host", "start").returncode == 0
    assert is_alive(second := lab.about["host_pid"])
    assert lab.run("host", "restart").returncode == 0
    assert lab.about["host_pid"] not in {first, second}


def test_the_dump_is_json_of_all_tables(labs: tuple[StandingLab, StandingLab]) -> None:
    tables = json.loads(labs[0].run("dump").stdout)
    assert tables["once"]


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (("mail", "a@outlook.example"), b"--count"),
        (("mail", "a@outlook.example", "/nowhere.eml"), b"/nowhere.eml: No such file"),
        (("up",), b"stands in"),
        (("unheard",), b"invalid choice"),
    ],
)
def test_a_mistake_is_named(
    labs: tuple[StandingLab, StandingLab], verb: tuple[str, ...], said: bytes
) -> None:
    ran = labs[0].run(*verb)
    assert ran.returncode != 0
    assert said in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("verb", ["", "up", "mail", "host"])
def test_help_is_everywhere(verb: str) -> None:
    command = [sys.executable, "-m", "tests.lab", *verb.split(), "--help"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout[:6]) == (0, b"usage:")


def test_without_a_lab_a_verb_says_how_to_start_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.lab", "--folder", str(tmp_path), "timer"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (ran.returncode, b"make lab" in ran.stderr) == (1, True)


def test_signals_leave_no_process_behind(labs: tuple[StandingLab, StandingLab]) -> None:
    for lab, number in zip(labs, (signal.SIGTERM, signal.SIGINT), strict=True):
        lab.end(number)
        assert not (lab.folder / "lab.json").exists()


def test_a_lab_that_is_killed_takes_its_processes_along(tmp_path: Path) -> None:
    lab = StandingLab(tmp_path)
    lab.end(signal.SIGKILL)
    assert lab.process.returncode == -signal.SIGKILL
