"""How the receiver answers: well, badly, late, or without end."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_SLOW_SECONDS = 0.5


@dataclass(frozen=True)
class Mode:
    """One kind of answer.

    status: of the answer. headers: beside the usual ones. seconds: waited before. kind: plain,
    reset (the connection ends without an answer), endless (a body that never ends) or drip (a
    byte each half second). times: how many webhooks are answered so, 0 for all from now on.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    kind: str = "plain"
    times: int = 0

    @property
    def name(self) -> str:
        return str(self.status) if self.kind == "plain" else self.kind


class Modes:
    """Modes by path; what is not told otherwise is answered with 204."""

    def __init__(self) -> None:
        self._by_path: dict[str, list[Mode]] = {}

    def set(self, told: Mapping[str, Any]) -> None:
        """`{"path": "/hook", "answers": [{…}]}`; raises TypeError for an unknown field."""
        self._by_path[told.get("path", "/hook")] = [Mode(**one) for one in told["answers"]]

    def take(self, path: str) -> Mode:
        """The answer to the next webhook."""
        modes = self._by_path.get(path, [])
        if not modes:
            return Mode()
        mode = modes[0]
        if mode.times == 1:
            modes.pop(0)
        elif mode.times:
            modes[0] = Mode(mode.status, mode.headers, mode.seconds, mode.kind, mode.times - 1)
        return mode


async def answer(request: web.Request, mode: Mode) -> web.StreamResponse:
    """Answers in that way; an endless one ends with the sender's patience."""
    await asyncio.sleep(mode.seconds)
    match mode.kind:
        case "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        case "endless":
            return await _endless(request, b"x" * 65536, 0)
        case "drip":
            return await _endless(request, b"x", _SLOW_SECONDS)
        case _:
            return web.Response(status=mode.status, headers=mode.headers)


async def _endless(request: web.Request, chunk: bytes, seconds: float) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(chunk)
            await asyncio.sleep(seconds)
    return response
