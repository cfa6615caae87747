"""The lab's child processes: each has a log file, and ends with whoever started it."""

import os
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import LabError
from .ports import listens

ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 10
_TAIL_LINES = 25


class Process:
    """A running command; what it says goes to `log_file`.

    announces: its stdout is read, for the line `ready …`. end_signal: what it gets when we end.
    inherited: sockets that are its own from then on.
    Linux ends it when the thread that started it ends, whatever ends that: start it from a
    thread that lasts.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        *,
        announces: bool = False,
        end_signal: str = "KILL",
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self.name = name
        self.log_file = log_file
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            self._child = subprocess.Popen(
                [*_tied(end_signal), *map(str, command)],
                cwd=ROOT,
                env=plain_environment() | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if announces else log,
                stderr=log,
                # Ctrl-C is for the lab, which then ends its parts in order.
                start_new_session=True,
                pass_fds=[one.fileno() for one in inherited],
            )
        for one in inherited:
            one.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def wait_for_ready_line(self, seconds: float = 30) -> str:
        """What follows `ready ` on the line that it prints; raises LabError with its log's end."""
        assert self._child.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                if not selector.select(0.2):
                    continue
                line = self._child.stdout.readline().decode()
                if line.startswith("ready "):
                    return line.removeprefix("ready ").strip()
                if not line:
                    break
        raise self._failed()

    def wait_for_port(self, port: int, seconds: float = 30) -> None:
        """Until it accepts connections; raises LabError with its log's end."""
        deadline = time.monotonic() + seconds
        while not listens(port):
            if not self.running or time.monotonic() > deadline:
                raise self._failed()
            time.sleep(0.02)

    def stop(self, seconds: float = _STOP_SECONDS) -> None:
        """Ends it by SIGTERM, and by SIGKILL where that takes too long."""
        if self.running:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._reap()

    def end_at_once(self) -> None:
        """SIGKILL, from any thread; whoever started it still has to `kill` it."""
        self._child.kill()

    def kill(self) -> None:
        """Ends it at once, by SIGKILL."""
        self._child.kill()
        self._reap()

    def _reap(self) -> None:
        self._child.wait(_STOP_SECONDS)
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _failed(self) -> LabError:
        self.kill()
        lines = self.log_file.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        told = "\n  ".join(lines) or "(it said nothing)"
        return LabError(f"{self.name} did not start. The end of {self.log_file}:\n  {told}")


def plain_environment() -> dict[str, str]:
    """Of our environment only what a program needs to run: no proxy, no setting of the app."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _tied(end_signal: str) -> list[str]:
    """A prefix that ties the child's life to ours (util-linux; other systems go without)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, f"--pdeathsig={end_signal}"] if setpriv else []
