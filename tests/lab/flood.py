"""Somebody who opens the login page, and presses its button, again and again."""

import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from shared import instants

from .lab import Lab


@dataclass(frozen=True)
class Flood:
    """What a flood left. pages: answers to the GETs; rows_of_pages: rows that these stored;
    answers: to the POSTs; open: logins that are open afterwards.
    """

    pages: dict[int, int]
    rows_of_pages: int
    answers: dict[int, int]
    open: int
    threads: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"GET {self.pages}: {self.rows_of_pages} rows; "
            f"POST {self.answers} over {self.threads} threads: {self.open} open logins "
            f"({self.seconds:.0f} s)"
        )


def flood(lab: Lab, gets: int, posts: int, threads: int = 8) -> Flood:
    """Sends so many GETs, then so many POSTs with one form, to an app whose table is empty."""
    started = time.monotonic()
    pages = _many(lambda: requests.get(lab.login_url, timeout=60), gets, threads)
    rows = len(lab.rows("once", PartitionKey="login"))
    press = button(lab)
    answers = _many(press, posts, threads)
    return Flood(pages, rows, answers, len(open_logins(lab)), threads, time.monotonic() - started)


def button(lab: Lab) -> Callable[[], requests.Response]:
    """Presses the button of a login page that was opened once; redirects are not followed."""
    page = requests.get(lab.login_url, timeout=60)
    token = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert token
    data, cookies = {"token": token[1]}, dict(page.cookies.items())
    return lambda: requests.post(
        lab.login_url, data=data, cookies=cookies, timeout=60, allow_redirects=False
    )


def open_logins(lab: Lab) -> list[str]:
    """Keys of the logins that are open and have not expired."""
    now = instants.text(instants.now())
    rows = lab.rows("once", PartitionKey="login", state="open")
    return [row["RowKey"] for row in rows if row["expires_at"] > now]


def _many(ask: Callable[[], requests.Response], times: int, threads: int) -> dict[int, int]:
    with ThreadPoolExecutor(threads) as pool:
        return dict(Counter(pool.map(lambda _: ask().status_code, range(times))))
