"""Whether a host can be reached: its name, a connection, and TLS with a right certificate."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import certifi

from shared.errors import TryAgain

_SECONDS = 10


def tls(host: str, port: int, ca_file: str, code: str) -> str:
    """The TLS version that was agreed on; raises TryAgain with `code` and the step that failed."""
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    with (
        _connected(host, port, code) as sock,
        _failing("TLS", code),
        context.wrap_socket(sock, server_hostname=host) as secured,
    ):
        return str(secured.version())


def tcp(host: str, port: int, code: str) -> None:
    """Name and connection; raises as `tls` does."""
    with _connected(host, port, code):
        pass


@contextmanager
def _connected(host: str, port: int, code: str) -> Iterator[socket.socket]:
    with _failing("DNS", code):
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    with _failing("TCP", code):
        sock = socket.create_connection((host, port), _SECONDS)
    with sock:
        yield sock


@contextmanager
def _failing(step: str, code: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise TryAgain(code, f"{step}: certificate not trusted") from None
    except OSError as error:
        raise TryAgain(code, f"{step}: {type(error).__name__}") from None
