"""Free ports."""

import random
import socket

# Below Linux's range for outgoing connections, which would take a port before its server does.
_RANGE = range(12_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now; never the same one twice."""
    while True:
        port = random.choice(_RANGE)
        if port not in _given and _can_listen(port):
            _given.add(port)
            return port


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether somebody accepts connections on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
