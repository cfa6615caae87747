"""Connections for webhooks: a host is resolved once, and what was checked is connected to.

A name may lead elsewhere than it did when the endpoint was saved, so each connect checks it anew;
and no other look-up comes between the check and the connect (DNS rebinding).
"""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from shared.guard import Address, Guard

# Of several addresses, a silent one holds up the next for at least so long.
_SHARE_SECONDS = 1.0
_LEAST_SECONDS = 0.01

type Resolve = Callable[..., Sequence[tuple[Any, ...]]]


def open_socket(
    guard: Guard, host: str, port: int, seconds: float, resolve: Resolve = socket.getaddrinfo
) -> socket.socket:
    """A TCP connection to the host, made within so many seconds, with TCP_NODELAY.

    host: as in a URL, an IPv6 address without brackets. resolve: as `socket.getaddrinfo`; asked
    once. What is left of the seconds becomes the socket's timeout. Raises Rejected
    `endpoint_refused` where the host or ANY of its addresses is refused, before anything is sent
    to one of them; TimeoutError; or another OSError, which is as much as to say "not reached".
    """
    deadline = time.monotonic() + seconds
    guard.check_host(host)
    addresses = _resolved(host, port, seconds, resolve)
    for address in addresses:
        guard.check_address(address)
    failure: OSError = TimeoutError("no time left")
    for number, address in enumerate(addresses):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        share = max(left / (len(addresses) - number), _SHARE_SECONDS)
        try:
            return _connected(address, port, min(left, share), deadline)
        except OSError as error:
            failure = error
    raise failure


def _resolved(host: str, port: int, seconds: float, resolve: Resolve) -> list[Address]:
    """The host's addresses, in the resolver's order.

    In a thread, since getaddrinfo knows no timeout; the thread ends when the resolver gives up.
    """
    answers: queue.SimpleQueue[Sequence[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return list(dict.fromkeys(ipaddress.ip_address(found[4][0]) for found in answer))


def _connected(address: Address, port: int, seconds: float, deadline: float) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        # The address as it was checked, in digits: nothing is looked up here.
        sock.connect((str(address), port))
        sock.settimeout(max(deadline - time.monotonic(), _LEAST_SECONDS))
    except BaseException:
        sock.close()
        raise
    return sock
