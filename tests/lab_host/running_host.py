"""A host process with the sample app, and what the app wrote down."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import requests

from tests.lab.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_APP = Path(__file__).with_name("sample_app")
FUNCTION_KEY = "the-function-key"
MASTER_KEY = "the-master-key"
SHARED_QUEUE = "work-shared"


class RunningHost:
    """A started host: `url` is its address, `folder` where the app writes."""

    def __init__(self, folder: Path, settings: dict[str, str], *options: str, app: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log_file = folder / "log"
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.lab.functions_host", "--app", str(app)),
                    *("--function-key", FUNCTION_KEY, "--master-key", MASTER_KEY, *options),
                ],
                cwd=ROOT,
                env={**os.environ, "RECORD_FOLDER": str(folder), **settings},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline().strip()
        self.url = self.first_line.removeprefix("ready ")

    def get(self, path: str, **options: Any) -> requests.Response:
        """Ask for a path below `/api/`."""
        return self.call("GET", f"/api/{path}", **options)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask for any path; redirects are not followed."""
        return requests.request(
            method, self.url + path, timeout=30, allow_redirects=False, **options
        )

    def fire(self, function: str, given: str = "") -> requests.Response:
        """Fire a timer or queue function through the admin API."""
        return self.call(
            "POST",
            f"/admin/functions/{function}",
            headers={"x-functions-key": MASTER_KEY},
            json={"input": given},
        )

    def put(self, **messages: Any) -> requests.Response:
        """Have the app put messages into its queue."""
        return self.call("POST", "/api/put", json=messages)

    def records(self, kind: str, of: Collection[str] = ()) -> list[dict[str, Any]]:
        """Give what the app recorded so far of one kind, of these ids only if there are any."""
        file = self.folder / "records"
        lines = file.read_text().splitlines() if file.exists() else []
        entries = [entry for entry in map(json.loads, lines) if kind in entry]
        return [entry for entry in entries if not of or entry[kind] in of]

    def wait_for(self, kind: str, count: int = 1, of: Collection[str] = ()) -> list[dict[str, Any]]:
        """Wait until the app recorded at least `count` of one kind, and give them."""

        def enough() -> list[dict[str, Any]]:
            found = self.records(kind, of)
            return found if len(found) >= count else []

        return wait_until(enough)

    def release(self) -> None:
        """Let those functions end that wait for it."""
        (self.folder / "release").touch()

    def log(self) -> str:
        """Give the log so far."""
        return self.log_file.read_text()

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self.process.kill()
        self._wait(10)

    def terminate(self, seconds: float = 15.0) -> int:
        """End the process with SIGTERM and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait(seconds)

    def close(self) -> None:
        """Make sure that the process is gone."""
        if self.process.poll() is None:
            self.kill()
        self._wait(10)

    def _wait(self, seconds: float) -> int:
        code = self.process.wait(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
