"""The app under the local Functions host, with the settings of the lab."""

import base64
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from . import described, packaged
from .azurite import Azurite
from .ports import free_port
from .processes import ROOT, Process
from .services import CLIENT_ID, Services

TIMER = "enqueue_due_mailboxes"

type Placed = Callable[[Sequence[str]], tuple[Sequence[str], Sequence[socket.socket]]]


class AppHost:
    """A host that can be stopped, killed and started again; the settings stay the same.

    storage_account: the number of Azurite's account; azurite: another one than the services'.
    apart: the host keeps its connection string to itself, and the settings say where the app's
    tables are. hide_seconds: how long a queue message that was received stays hidden.
    beat_seconds: fire the timer at this interval; None: when asked. settings: what differs from the
    lab's usual ones ('' takes one away). placed: gives the command that runs it somewhere else, and
    sockets that this inherits. app: its folder; this project's.
    """

    def __init__(
        self,
        services: Services,
        folder: Path,
        *,
        port: int = 0,
        storage_account: int = 0,
        azurite: Azurite | None = None,
        apart: bool = False,
        hide_seconds: int = 3,
        beat_seconds: float | None = None,
        settings: Mapping[str, str] | None = None,
        placed: Placed | None = None,
        app: Path = ROOT,
    ) -> None:
        self.app = app
        self.port = port or free_port()
        self.base_url = f"http://localhost:{self.port}"
        self.function_key = secrets.token_hex(24)
        self.master_key = secrets.token_hex(24)
        self.storage = (azurite or services.azurite).connection_string(storage_account)
        self.log_file = folder / "host.log"
        self.settings = _settings(services, self.storage, self.base_url) | dict(settings or {})
        self._options = ["--hide-seconds", str(hide_seconds)]
        if apart:
            self.settings["AzureWebJobsStorage"] = ""
            self._options += ["--storage", self.storage]
        self._options += ["--no-timers"] if beat_seconds is None else ["--beat", f"{beat_seconds}"]
        self._placed = placed or (lambda command: (command, ()))
        self._process: Process | None = None
        # A proxy's thread may kill it while another one starts it again.
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Starts the host and waits until it serves."""
        with self._lock:
            if not self.running:
                self._start()

    def _start(self) -> None:
        command, sockets = self._placed(
            [
                *(sys.executable, "-m", "tests.lab.functions_host", "--app", str(self.app)),
                *("--port", str(self.port), *self._options),
                *("--function-key", self.function_key, "--master-key", self.master_key),
            ]
        )
        self._process = Process(
            "the Functions host",
            command,
            self.log_file,
            packaged.libraries_first(self.app)
            | {name: value for name, value in self.settings.items() if value},
            announces=True,
            inherited=sockets,
        )
        self._process.wait_for_ready_line()

    def stop(self) -> None:
        """Ends the host as the platform does; runs that are under way come to their end."""
        with self._lock:
            if self._process:
                self._process.stop(35)
                self._process = None

    def kill(self) -> None:
        """Ends the host at once, with SIGKILL."""
        with self._lock:
            if self._process:
                self._process.kill()
                self._process = None

    def fire_timer(self) -> None:
        """Has the timer's function run now; it has not ended when this returns."""
        answer = requests.post(
            f"{self.base_url}/admin/functions/{TIMER}",
            headers={"x-functions-key": self.master_key},
            json={},
            timeout=10,
        )
        answer.raise_for_status()

    def api(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: object
    ) -> requests.Response:
        """Calls a route below `/api/` with the function key; the answer has to be a described one.

        headers: further ones. options: those of requests.
        """
        keyed = {"x-functions-key": self.function_key} | dict(headers or {})
        url, hooks = f"{self.base_url}/api/{path}", {"response": described.check}
        return requests.request(method, url, headers=keyed, timeout=60, hooks=hooks, **options)  # type: ignore[arg-type]

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")


def _settings(services: Services, storage: str, base_url: str) -> dict[str, str]:
    """Ordinary app settings; only the addresses and two intervals are the lab's."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": storage,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": services.client_secret,
        "AUTHORITY": f"{services.microsoft_url}/common",
        "PUBLIC_BASE_URL": base_url,
        "APP_NAME": "Unseen lab",
        "ENCRYPTION_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "WEBHOOK_URL": services.receiver.hook_url,
        "WEBHOOK_SECRET": services.webhook_secret,
        "ALLOW_PRIVATE_ENDPOINTS": "true",
        "OPEN_CONNECT": "true",
        "RETURN_URLS": "http://localhost:3000",
        "IMAP_HOST": f"localhost:{services.dovecot.port}",
        "SMTP_HOST": f"localhost:{services.submission.port}",
        "SSL_CERT_FILE": str(services.ca_file),
        "CLAIM_SECONDS": "3",
        "CHECK_INTERVAL_SECONDS": "30",
    }
