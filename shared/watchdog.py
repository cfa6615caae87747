"""A total deadline for a conversation over a socket.

A socket's own timeout starts anew with each byte, so a peer that sends one now and then would
hold us for ever; this ends the conversation from outside.
"""

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

type Find = Callable[[], socket.socket | None]


@contextlib.contextmanager
def total_deadline(seconds: float, find: Find) -> Iterator[None]:
    """Shuts the socket that `find` gives once the time is up; reads and writes then fail."""
    number = _watch.begin(seconds, find)
    try:
        yield
    finally:
        _watch.end(number)


class _Watch:
    """One thread for all conversations: a timer of its own for each would cost it a thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._ends: list[tuple[float, int]] = []
        self._open: dict[int, Find] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float, find: Find) -> int:
        end = time.monotonic() + max(seconds, 0)
        with self._changed:
            number = next(self._numbers)
            self._open[number] = find
            heapq.heappush(self._ends, (end, number))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._ends[0][1] == number:
                self._changed.notify()
        return number

    def end(self, number: int) -> None:
        with self._changed:
            self._open.pop(number, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._ends and self._ends[0][1] not in self._open:
                    heapq.heappop(self._ends)  # it ended in time
                wait = self._ends[0][0] - time.monotonic() if self._ends else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                find = self._open.pop(heapq.heappop(self._ends)[1])
            _shut(find)


def _shut(find: Find) -> None:
    sock = find()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


_watch = _Watch()
