"""Room for mail: how many bytes of it the turns of one process hold at a time.

A batch's accounts are tended to side by side, and each may have a backlog: without a bound for all
of them together, a few dozen full mailboxes are more than an instance's memory.
"""

import contextlib
import ctypes
import threading
import time
from collections import deque

SIZE_BYTES = 24 * 1024 * 1024
# What a few new mails take never waits: the full mailboxes of a batch hold up no others.
_SMALL_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 1024 * 1024


class Room:
    """Shared by the threads of a process."""

    def __init__(self, size: int = SIZE_BYTES) -> None:
        _give_large_blocks_back()
        self._size = self._free = size
        self._changed = threading.Condition()
        self._waiting: deque[Place] = deque()

    def place(self, weight: int, deadline: float) -> "Place | None":
        """Room for so many bytes, to be closed; None where the time is up before.

        More than there is means all of it. Who waits is served in order. deadline: of the
        monotonic clock. A thread that has a place must not ask for another.
        """
        if time.monotonic() > deadline:
            return None
        place = Place(self, min(weight, self._size))
        with self._changed:
            if place.weight > _SMALL_BYTES and not self._waited(place, deadline):
                return None
            self._free -= place.weight
        return place

    def _waited(self, place: "Place", deadline: float) -> bool:
        self._waiting.append(place)
        try:
            return self._changed.wait_for(
                lambda: self._waiting[0] is place and self._free >= place.weight,
                max(deadline - time.monotonic(), 0),
            )
        finally:
            self._waiting.remove(place)
            self._changed.notify_all()

    def give_back(self, weight: int) -> None:
        with self._changed:
            self._free += weight
            self._changed.notify_all()


class Place:
    """So many bytes of a room, until it is closed."""

    def __init__(self, room: Room, weight: int) -> None:
        self._room = room
        self.weight = weight

    def shrink(self, weight: int) -> None:
        """Gives back what is more than so many bytes."""
        more = max(self.weight - weight, 0)
        self.weight -= more
        self._room.give_back(more)

    def close(self) -> None:
        self.shrink(0)


def _give_large_blocks_back() -> None:
    """Has glibc return large blocks to the system as soon as they are free.

    By itself it would keep up to twice 32 MB for each thread that had a large mail (mallopt(3),
    M_MMAP_THRESHOLD). Other C libraries have no such call.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
