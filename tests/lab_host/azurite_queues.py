"""Azurite's queue service."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .waiting import wait_until

_QUEUE_SERVICE = Path(__file__).resolve().parents[2] / "node_modules/azurite/dist/src/queue/main.js"
# The account and key that Azurite documents for everyone.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def azurite_queues(folder: Path) -> Iterator[str]:
    """Run the service on a free port and give its connection string."""
    port = _free_port()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *("node", str(_QUEUE_SERVICE), "--silent", "--disableTelemetry"),
                *("--skipApiVersionCheck", "--location", str(folder)),
                *("--queuePort", str(port)),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _listens(port), 20)
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
            f"QueueEndpoint=http://127.0.0.1:{port}/{_ACCOUNT};"
        )
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
