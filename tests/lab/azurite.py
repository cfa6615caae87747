"""Azurite: Microsoft's emulator of Azure Storage."""

import base64
import hashlib
import itertools
from pathlib import Path

from .certificates import Authority
from .errors import LabError
from .ports import free_port
from .processes import ROOT, Process

_PROGRAM = ROOT / "node_modules/azurite/dist/src/azurite.js"
_ACCOUNTS = 1000
_KINDS = ("blob", "queue", "table")
_numbers = itertools.count(1)


class Azurite:
    """A running emulator with many accounts, so that each test can have one of its own.

    keeps: its data stays in `folder`, and it has the one account that every emulator has.
    authority: over https with its certificate, where tokens open it too. Of a token it checks all
    but the signature and the role.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: tuple[int, int, int] | None = None,
        keeps: bool = False,
        authority: Authority | None = None,
    ) -> None:
        if not _PROGRAM.exists():
            raise LabError("Azurite is not installed. Install it with: npm ci")
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = ports or (free_port(), free_port(), free_port())
        blob, queue, table = self._ports
        self._scheme = "https" if authority else "http"
        oauth: tuple[str | Path, ...] = ()
        if authority:
            oauth = ("--oauth", "basic", "--cert", authority.cert_file, "--key", authority.key_file)
        self._process = Process(
            "Azurite",
            [
                *("node", _PROGRAM, "--silent", "--disableTelemetry", "--skipApiVersionCheck"),
                *(("--location", folder) if keeps else ("--inMemoryPersistence",)),
                *("--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)),
                *oauth,
            ],
            folder / "azurite.log",
            {} if keeps else {"AZURITE_ACCOUNTS": ";".join(map(_named, range(_ACCOUNTS)))},
        )

    def wait(self) -> None:
        """Until all three services answer."""
        for port in self._ports:
            self._process.wait_for_port(port)

    def connection_string(self, account: int = 0) -> str:
        """Of the account with this number; see `next_account`."""
        return "".join(
            [
                f"DefaultEndpointsProtocol={self._scheme};",
                f"AccountName={_name(account)};AccountKey={_key(account)};",
                *(f"{kind.title()}Endpoint={self.url(kind, account)};" for kind in _KINDS),
            ]
        )

    def url(self, kind: str, account: int = 0) -> str:
        """Of the account's `blob`, `queue` or `table` service."""
        port = self._ports[_KINDS.index(kind)]
        return f"{self._scheme}://127.0.0.1:{port}/{_name(account)}"

    def stop(self) -> None:
        self._process.stop()


def next_account() -> int:
    """The number of an account that nobody in this process has used."""
    number = next(_numbers)
    if number >= _ACCOUNTS:
        raise LabError(f"All {_ACCOUNTS} accounts of the emulator are in use")
    return number


def _named(number: int) -> str:
    return f"{_name(number)}:{_key(number)}"


def _name(number: int) -> str:
    return f"lab{number:03d}"


def _key(number: int) -> str:
    return base64.b64encode(hashlib.sha256(_name(number).encode()).digest()).decode()
