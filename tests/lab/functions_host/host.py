"""The host: its parts put together, started and stopped."""

import asyncio
import logging
import os
import signal
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueMessage
from azure_functions_runtime.bindings.datumdef import Datum

from .functions import Function, QueueTrigger, TimerTrigger, served_functions
from .host_json import HostJson
from .http_server import Fire, HttpServer
from .invocations import Invocations
from .keys import Keys
from .queue_listener import QueueListener
from .queue_messages import trigger_metadata
from .queue_outputs import QueueOutputs
from .queue_storage import QueueStorage
from .routes import Routes
from .timers import Timer
from .worker import index_app

_LOG = logging.getLogger("Host.Startup")


@dataclass(frozen=True)
class HostOptions:
    """What the command line says; `beat_seconds` None means that only schedules fire timers."""

    keys: Keys
    port: int
    hide_seconds: int
    beat_seconds: float | None
    timers: bool


class Host:
    """Serves one app until it is stopped."""

    def __init__(self, host_json: HostJson, options: HostOptions) -> None:
        self._host_json = host_json
        self._options = options
        self._storage = QueueStorage()
        self._listeners: dict[tuple[str, str], list[QueueListener]] = {}
        self._timers: list[Timer] = []
        self._fires: dict[str, Fire] = {}
        self._listening: list[asyncio.Task[None]] = []
        self._keeping_time: list[asyncio.Task[None]] = []
        outputs = QueueOutputs(
            self._storage, as_base64=host_json.queues.base64, announce=self._wake_listeners
        )
        self._invocations = Invocations(host_json.timeout_seconds, outputs)
        self._http: HttpServer | None = None

    async def start(self, folder: Path) -> int:
        """Index the app, serve it and give the HTTP port; raises HostError."""
        functions = served_functions(await index_app(folder))
        routes = Routes(self._host_json.route_prefix, functions)
        for function in functions:
            self._prepare(function)
        self._http = HttpServer(
            routes, functions, self._invocations, self._options.keys, self._fires
        )
        port = await self._http.start(self._options.port)
        self._begin()
        _LOG.info("serving %s", ", ".join(function.name for function in functions))
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Take no further work, and wait for what runs, but no longer than `grace_seconds`."""
        try:
            async with asyncio.timeout(grace_seconds):
                await self._finish()
        except TimeoutError:
            _LOG.warning("what still runs after %g s is left", grace_seconds)

    async def close(self) -> None:
        """Let go of connections."""
        await self._storage.close()

    def _prepare(self, function: Function) -> None:
        match function.trigger:
            case TimerTrigger() as trigger:
                timer = Timer(function, trigger, self._invocations, self._options.beat_seconds)
                self._timers.append(timer)
                self._fires[function.name] = lambda _: self._start(timer.fire())
            case QueueTrigger() as trigger:
                listener = QueueListener(
                    function,
                    trigger,
                    self._storage,
                    self._invocations,
                    self._host_json.queues,
                    self._options.hide_seconds,
                )
                self._listeners.setdefault((trigger.connection, trigger.queue), []).append(listener)
                self._fires[function.name] = lambda text: self._start(self._hand(function, text))

    def _begin(self) -> None:
        listeners = [listener for group in self._listeners.values() for listener in group]
        self._listening = [_background(listener.listen()) for listener in listeners]
        if self._options.timers:
            self._keeping_time = [_background(timer.keep_time()) for timer in self._timers]

    async def _finish(self) -> None:
        for timer in self._keeping_time:
            timer.cancel()
        for group in self._listeners.values():
            for listener in group:
                listener.stop()
        stopping = [self._http.stop()] if self._http else []
        await asyncio.gather(
            *self._keeping_time, *self._listening, *stopping, return_exceptions=True
        )
        await self._invocations.ended()

    def _start(self, run: Coroutine[Any, Any, object]) -> None:
        self._invocations.start(run)

    def _wake_listeners(self, connection: str, queue: str) -> None:
        for listener in self._listeners.get((connection, queue), ()):
            listener.wake()

    async def _hand(self, function: Function, text: str) -> None:
        """Run a queue's function with a message that was never in the queue."""
        now = datetime.now(UTC)
        message = QueueMessage(
            id=str(uuid.uuid4()),
            dequeue_count=1,
            inserted_on=now,
            expires_on=now + timedelta(days=7),
            next_visible_on=now,
            pop_receipt="",
        )
        await self._invocations.run(function, Datum(text, "string"), trigger_metadata(message))


def _background(loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start what runs as long as the host; a fault in it ends the host, not just its own work."""
    task = asyncio.create_task(loop)
    task.add_done_callback(_raise_fault)
    return task


def _raise_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        _LOG.critical("the host has a fault", exc_info=fault)
        os.kill(os.getpid(), signal.SIGTERM)
