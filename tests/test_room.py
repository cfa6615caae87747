"""Room for mail: what waits, what does not, and that it is all given back."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.room import Place, Room
from tests.lab.waiting import wait_until

MIB = 1024 * 1024
SIZE = 10 * MIB


@pytest.fixture
def room() -> Iterator[Room]:
    """A room that has to be empty at the end."""
    made = Room(SIZE)
    yield made
    taken(made, SIZE)


def soon() -> float:
    return time.monotonic() + 30


def taken(room: Room, weight: int) -> Place:
    place = room.place(weight, soon())
    assert place is not None
    return place


def is_full(room: Room, weight: int = MIB) -> bool:
    """Whether so much finds no room within a moment."""
    place = room.place(weight, time.monotonic() + 0.01)
    if place:
        place.close()
    return place is None


def test_what_is_taken_is_free_again_at_the_end_and_after_an_error(room: Room) -> None:
    with closing(taken(room, SIZE)):
        assert is_full(room)
    with pytest.raises(ValueError), closing(taken(room, SIZE)):
        raise ValueError


def test_what_shrinks_makes_room_and_never_grows(room: Room) -> None:
    with closing(taken(room, SIZE)) as place:
        place.shrink(4 * MIB)
        place.shrink(9 * MIB)
        assert not is_full(room, 6 * MIB) and is_full(room, 7 * MIB)


def test_more_than_there_is_means_all_of_it(room: Room) -> None:
    with closing(taken(room, 100 * SIZE)):
        assert is_full(room)


def test_a_few_new_mails_never_wait(room: Room) -> None:
    with closing(taken(room, SIZE)), closing(taken(room, 200_000)), closing(taken(room, 0)):
        pass


def test_there_is_none_once_the_time_is_up(room: Room) -> None:
    assert room.place(1, time.monotonic() - 1) is None
    with closing(taken(room, SIZE)):
        assert room.place(MIB, time.monotonic() + 0.05) is None


def test_what_fits_waits_behind_what_came_before(room: Room) -> None:
    """Large mail would starve behind small mail otherwise."""
    served = []

    def wait() -> None:
        with closing(taken(room, SIZE)):
            served.append("all of it")

    thread = threading.Thread(target=wait)
    with closing(taken(room, 9 * MIB)):
        assert not is_full(room, MIB)
        thread.start()
        wait_until(lambda: is_full(room, MIB), 10, "somebody who waits")
    thread.join()
    assert served == ["all of it"]
