"""The lab's services: storage, identity platform, mail servers and receiver, one of each."""

import base64
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from .azurite import Azurite
from .certificates import Authority
from .dovecot import Dovecot
from .not_microsoft.client import Control
from .ports import free_port
from .processes import Process
from .receiver.client import ReceiverClient
from .submission import Submission

CLIENT_ID = "2f8ac4c6-0000-4000-8000-00000000c1d0"


@dataclass(frozen=True)
class Ports:
    """0 means any free one."""

    azurite: tuple[int, int, int] | None = None
    microsoft: int = 0
    imap: int = 0
    receiver: int = 0


class Services:
    """Everything that the app talks to; started at once and waited for together.

    `folder` takes logs and certificates; the certificate of `ca_file` is what clients trust, and
    `authority` has it for a server.
    large_dovecot: see `DovecotSettings.large`.
    """

    def __init__(
        self, folder: Path, ports: Ports | None = None, *, large_dovecot: bool = False
    ) -> None:
        ports = ports or Ports()
        self.client_secret = secrets.token_hex(24)
        self.webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.authority = authority = Authority(folder / "certificates")
        self.ca_file = authority.ca_file
        microsoft, receiver = ports.microsoft or free_port(), ports.receiver or free_port()
        self.microsoft_url = f"https://localhost:{microsoft}"
        self._processes: list[Process] = []
        self.azurite = Azurite(folder, ports=ports.azurite)
        self.dovecot = Dovecot(
            folder,
            authority,
            f"{self.microsoft_url}/introspect",
            port=ports.imap,
            large=large_dovecot,
        )
        self.microsoft = Control(f"{self.microsoft_url}/control", str(self.ca_file))
        self.submission = Submission(self.dovecot, authority, self.microsoft)
        try:
            self.dovecot.start()
            self._start_microsoft(folder, microsoft, authority)
            self._start_receiver(folder, receiver)
            self._wait()
        except BaseException:
            self.close()
            raise
        self.receiver = ReceiverClient(f"http://localhost:{receiver}")

    def _start_microsoft(self, folder: Path, port: int, authority: Authority) -> None:
        self._start(
            "not_microsoft",
            folder,
            port,
            *("--cert", str(authority.cert_file), "--key", str(authority.key_file)),
            *("--client-id", CLIENT_ID, "--client-secret", self.client_secret),
            *("--app-users", str(self.dovecot.app_users)),
            # Any port of localhost matches, as at Microsoft.
            *("--redirect-uri", "http://localhost/api/callback"),
        )

    def _start_receiver(self, folder: Path, port: int) -> None:
        self._start("receiver", folder, port, "--secret", self.webhook_secret)

    def _start(self, name: str, folder: Path, port: int, *options: str) -> None:
        command = [sys.executable, "-m", f"tests.lab.{name}", "--port", str(port), *options]
        self._processes.append(Process(name, command, folder / f"{name}.log", announces=True))

    def _wait(self) -> None:
        for process in self._processes:
            process.wait_for_ready_line()
        self.dovecot.wait()
        self.azurite.wait()

    def close(self) -> None:
        """Ends all of them."""
        for process in self._processes:
            process.stop()
        self.submission.close()
        self.dovecot.close()
        self.azurite.stop()
