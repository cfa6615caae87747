"""The host's access keys.

Source: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
"""

import hmac
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Keys:
    """`function` opens functions of level `function`; `master` opens everything."""

    function: str
    master: str

    def allow(self, auth_level: str, request: web.Request) -> bool:
        """Whether the request's key is good for the level (anonymous, function or admin)."""
        if auth_level == "anonymous":
            return True
        # The header counts, and only where it is missing the query.
        given = request.headers.get("x-functions-key", request.query.get("code", ""))
        good = [self.master] if auth_level == "admin" else [self.function, self.master]
        # Every comparison is made, so that the time says nothing about the key.
        return sum(_same(given, key) for key in good) > 0


def _same(given: str, key: str) -> bool:
    return bool(key) and hmac.compare_digest(given.encode(errors="replace"), key.encode())
