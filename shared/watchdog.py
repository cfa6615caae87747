"""A total deadline for a conversation over a socket.

A socket's own timeout starts anew with each byte, so a peer that sends one now and then would
hold us for ever; this ends the conversation from outside.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def total_deadline(seconds: float, find: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Shuts the socket that `find` gives once the time is up; reads and writes then fail."""

    def shut() -> None:
        sock = find()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
