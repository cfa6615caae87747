"""An application of examples/, running beside a lab, with an endpoint of its own."""

import base64
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from shared.guard import Guard
from shared.webhooks import Answer, Sender

from .lab import Lab
from .processes import Process
from .remote import Remote
from .waiting import wait_until


def command(name: str, port: int) -> list[str]:
    """As examples/README.md says."""
    options = ["--app-dir", "examples", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", f"{name}.app:app", *options]


class ExampleApp:
    """One of them; it can be killed and started again. changed: of its environment."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        folder: Path,
        port: int,
        changed: Mapping[str, str] | None = None,
    ) -> None:
        self.url = f"http://localhost:{port}"
        self.environment = Remote(lab.description()).given(port) | dict(changed or {})
        self.log_file = folder / f"{name}.log"
        self._name, self._port = name, port
        self.start()

    def start(self) -> None:
        """Starts it and waits until it serves."""
        self._process = Process(
            self._name, command(self._name, self._port), self.log_file, self.environment
        )
        self._process.wait_for_port(self._port, 120)

    @property
    def running(self) -> bool:
        return self._process.running

    def kill(self) -> None:
        """Ends it at once, by SIGKILL, from any thread; `stop` it all the same."""
        self._process.end_at_once()

    def stop(self) -> None:
        self._process.kill()

    def answered(self, status: int = 204) -> int:
        """How many webhooks it has answered with that status."""
        return self.log_file.read_text().count(f'"POST /webhooks HTTP/1.1" {status}')

    def wait_for(self, count: int, status: int = 204, seconds: float = 60) -> None:
        wait_until(lambda: self.answered(status) >= count, seconds, f"{count} answers {status}")

    def post(self, webhook_id: str, body: bytes, secret: bytes | None = None) -> Answer:
        """A webhook as Unseen would send it; signed with another secret where one is given."""
        own = base64.b64decode(self.environment["WEBHOOK_SECRET"].removeprefix("whsec_"))
        sender = Sender("", Guard(private=True))
        try:
            url = f"{self.url}/webhooks"
            return sender.post(url, [secret or own], webhook_id, body, datetime.now(UTC))
        finally:
            sender.close()
