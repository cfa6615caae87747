"""Debian's Chromium without a window, for the tests and for whoever takes pictures."""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; while it lives, its thread can run no event loop of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_FLAGS, headless=True
        )
        yield browser
        browser.close()
