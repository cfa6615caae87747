"""A lab that stands until it is told to end, and takes orders from other processes meanwhile."""

import contextlib
import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from types import FrameType
from typing import Any

from .errors import LabError
from .lab import Lab, start_lab
from .services import Ports

JSON_NAME = "lab.json"
_ENDING = (signal.SIGTERM, signal.SIGINT)


def stand(folder: Path, ports: Ports, host_port: int, beat_seconds: float) -> None:
    """Starts a lab, describes it in `lab.json` and on the screen, and stays."""
    folder = folder.resolve()
    if _is_alive(folder / JSON_NAME):
        raise LabError(f"A lab stands in {folder} already. Take another one with: --folder DIR")
    with ending_by_signal():
        print("Starting Azurite, NotMicrosoft, Dovecot, the receiver and the app ...", flush=True)
        lab = start_lab(folder, ports=ports, host_port=host_port, beat_seconds=beat_seconds)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                described(lab, folder, show=True)
        finally:
            print("\nEnding ...", flush=True)
            lab.close()


@contextlib.contextmanager
def ending_by_signal() -> Iterator[None]:
    """SIGTERM and SIGINT end the block as Ctrl-C does.

    Who was started in the background of a shell without job control finds SIGINT ignored.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def described(lab: Lab, folder: Path, *, show: bool) -> None:
    """Writes `lab.json`, prints the addresses, and takes orders until Ctrl-C."""
    key = secrets.token_bytes(16)
    file = folder / JSON_NAME
    with Listener(authkey=key) as listener:
        private = {
            "lab_pid": os.getpid(),
            "control_address": listener.address,
            "control_key": key.hex(),
        }
        describe = _Describe(lab, file, private)
        describe()
        try:
            if show:
                print(_table(lab), flush=True)
            _take_orders(listener, lab, describe)
        finally:
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Describe:
    """Writes the description; again when the host has another process."""

    lab: Lab
    file: Path
    private: dict[str, Any]

    def __call__(self) -> None:
        waiting = self.file.with_suffix(".new")
        waiting.touch(0o600)
        waiting.write_text(json.dumps(self.lab.description() | self.private, indent=2))
        waiting.replace(self.file)


def _take_orders(listener: Listener, lab: Lab, describe: Callable[[], None]) -> None:
    while True:
        try:
            connection = listener.accept()
        except (OSError, EOFError):  # a stranger, or one that left
            continue
        with connection, contextlib.suppress(EOFError, ConnectionError):
            connection.send(_carried_out(connection, lab, describe))


def _carried_out(connection: Connection, lab: Lab, describe: Callable[[], None]) -> str:
    order = connection.recv()
    try:
        match order:
            case ("mail", address, raw):
                lab.mail(address, raw)
            case "kill":
                lab.host.kill()
            case "start":
                lab.host.start()
            case "restart":
                lab.host.kill()
                lab.host.start()
        describe()
    except LabError as error:
        return str(error)
    return ""


def _is_alive(file: Path) -> bool:
    try:
        os.kill(int(json.loads(file.read_text())["lab_pid"]), 0)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _table(lab: Lab) -> str:
    about = lab.description()
    return f"""
The lab stands.

  Connect a mailbox   {about["login_url"]}
  Webhooks so far     {about["received_url"]}
  Dashboard           {about["dashboard_url"]}
    its key           {about["function_key"]}
  Health              {about["base_url"]}/api/health
  Mail server         imaps://{about["imap_host"]}:{about["imap_port"]}
  Submission          smtp://{about["smtp_host"]}:{about["smtp_port"]} (STARTTLS)
  NotMicrosoft        {about["microsoft_url"]} (its certificate is signed by {about["ca_file"]})
  Log of the app      {about["log_file"]}

  From another shell: python -m tests.lab mail ada@outlook.example --count 3
                      python -m tests.lab --help

Ctrl-C ends it.
"""
