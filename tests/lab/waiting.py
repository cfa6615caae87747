"""Waiting for what another process does."""

import threading
import time
from collections.abc import Callable


def wait_until[T](condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """Asks until the answer is truthy and gives it; raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {seconds:g} s: {what or condition}")
        threading.Event().wait(0.03)
    return answer
