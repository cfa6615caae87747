"""Starts clients as processes, near or far from the mail server, and takes their results."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.clients.job import Job, Result
from tests.lab.errors import LabError
from tests.lab.far_link import FarLink
from tests.lab.processes import ROOT

OURS = "unseen"
_SECONDS = 300


@dataclass(frozen=True)
class Client:
    """label: what it is in a sentence; needs: the package without which it can't run."""

    label: str
    command: tuple[str, ...]
    needs: str = ""

    @property
    def missing(self) -> str:
        """Why it can't be measured here; '' where it can."""
        if self.command[0] == "node":
            there = shutil.which("node") and (ROOT / "node_modules" / self.needs).exists()
        else:
            there = not self.needs or importlib.util.find_spec(self.needs) is not None
        return "" if there else f"{self.needs} is not installed"


def python(module: str) -> tuple[str, ...]:
    return sys.executable, "-m", f"benchmarks.clients.{module}"


CLIENTS = {
    OURS: Client("ours", python("unseen")),
    "article": Client("the article's way: imapclient, a context each time", python("article")),
    "imapclient": Client("imapclient, one context, STATUS", python("imapclient_status")),
    "imap_tools": Client(
        "imap_tools, one context, STATUS", python("imap_tools_mailbox"), "imap_tools"
    ),
    "aioimaplib": Client(
        "aioimaplib, one context, STATUS", python("aioimaplib_status"), "aioimaplib"
    ),
    "imapflow": Client(
        "imapflow (Node), STATUS; postal-mime",
        ("node", "benchmarks/clients/imapflow.mjs"),
        "imapflow",
    ),
}


@dataclass(frozen=True)
class Place:
    """Where clients run: the mail server's port, how far it is, and their environment."""

    port: int
    rtt_ms: float
    environment: Mapping[str, str]

    def run(self, command: Sequence[str], text: str = "", **settings: str) -> Any:
        """What a command printed as JSON; raises LabError with the end of what it complained of."""
        link = FarLink(self.port, self.rtt_ms) if self.rtt_ms else None
        placed, inherited = link.placed(command) if link else (command, [])
        try:
            ran = subprocess.run(
                placed,
                cwd=ROOT,
                env={**self.environment, **settings},
                input=text,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                pass_fds=[one.fileno() for one in inherited],
            )
        finally:
            for one in inherited:
                one.close()
            if link:
                link.close()
        if ran.returncode:
            raise LabError(f"{' '.join(command)} failed:\n{ran.stderr[-2000:]}")
        return json.loads(ran.stdout)

    def result(self, command: Sequence[str], job: Job) -> Result:
        return Result(**self.run(command, job.text()))
