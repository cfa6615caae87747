"""A story that is told while it happens, each sentence checked."""

import sys
import time

from .errors import LabError


class Story:
    """Prints what happens; a sentence that does not hold ends the demo."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.checked: list[tuple[str, str]] = []

    def chapter(self, title: str) -> None:
        seconds = time.monotonic() - self._started
        print(f"\n{_bold(title)}  ({seconds:.0f} s)", flush=True)

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def check(self, holds: bool, what: str, seen: str = "") -> None:
        """Says the sentence with its mark, and keeps it for the table at the end."""
        self.say(f"{'✓' if holds else '✗'} {what}{': ' + seen if seen else ''}")
        if not holds:
            raise LabError(f"The demo found something wrong: {what} does not hold ({seen}).")
        self.checked.append((what, seen))


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text
