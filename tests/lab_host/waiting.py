"""Waiting for what another process does."""

import threading
import time
from collections.abc import Callable


def wait_until[T](condition: Callable[[], T], seconds: float = 10.0) -> T:
    """Ask until the answer is truthy and give it; raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {seconds:g} s")
        threading.Event().wait(0.02)
    return answer
