"""The lab's long link: TCP itself finds it long, on one port, and links don't meet."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.far_link import FarLink, hindrance

ROOT = Path(__file__).parents[1]
RTT_MS = 40

pytestmark = pytest.mark.skipif(bool(hindrance()), reason=hindrance())

# Seconds to connect, and to have a byte back.
_ASK = """
import json, socket, sys, time
found = []
for port in map(int, sys.argv[1:]):
    began = time.perf_counter()
    with socket.create_connection(("localhost", port), 10) as server:
        connected = time.perf_counter()
        server.sendall(b"x")
        assert server.recv(1) == b"x"
        found.append([connected - began, time.perf_counter() - connected])
print(json.dumps(found))
"""


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """Two ports of localhost that give back what they get."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    def echo(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.sendall(client.recv(1))

    threads = [threading.Thread(target=echo, args=(one,)) for one in listeners]
    for thread in threads:
        thread.start()
    yield [one.getsockname()[1] for one in listeners]
    for one in listeners:
        one.shutdown(socket.SHUT_RDWR)
        one.close()
    for thread in threads:
        thread.join()


def asked(link: FarLink, ports: list[int]) -> list[tuple[float, float]]:
    """What a program at the far end finds, port by port."""
    command, inherited = link.placed([sys.executable, "-c", _ASK, *map(str, ports)])
    descriptors = [one.fileno() for one in inherited]
    ran = subprocess.run(command, cwd=ROOT, pass_fds=descriptors, capture_output=True, check=True)
    for one in inherited:
        one.close()
    found: list[tuple[float, float]] = json.loads(ran.stdout)
    return found


def test_a_handshake_and_an_answer_take_a_round_trip_each(ports: list[int]) -> None:
    with closing(FarLink(ports[0], RTT_MS)) as link:
        (connecting, answering), _ = asked(link, ports)
    assert connecting >= RTT_MS / 1000 and answering >= RTT_MS / 1000


def test_two_links_lead_each_to_its_own_end(ports: list[int]) -> None:
    with closing(FarLink(ports[0], 2 * RTT_MS)) as other, closing(FarLink(ports[0], 1)) as link:
        assert len(asked(link, ports[:1])) == 1
        ((connecting, _),) = asked(other, ports[:1])
    assert connecting >= 2 * RTT_MS / 1000
