"""Runs of functions: identity, time limit, outputs, one log line each."""

import asyncio
import logging
import time
import traceback
import uuid
from collections.abc import Coroutine
from typing import Any

from azure.core.exceptions import AzureError
from azure_functions_runtime.bindings.datumdef import Datum

from .functions import Function
from .logs import running_functions
from .queue_leases import reason
from .queue_outputs import QueueOutputs
from .worker import Outcome, call

_TRIGGER_NAMES = {"HttpTrigger": "http", "TimerTrigger": "timer", "QueueTrigger": "queue"}


class Invocations:
    """Runs functions and knows which are running.

    `timeout_seconds` is host.json's functionTimeout. The platform restarts the worker then; here
    the run counts as failed, and a function in a thread is left to end by itself.
    """

    def __init__(self, timeout_seconds: float | None, outputs: QueueOutputs) -> None:
        self._timeout_seconds = timeout_seconds
        self._outputs = outputs
        self._background: set[asyncio.Task[Any]] = set()

    def start[T](self, run: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something that the host waits for before it ends."""
        task = asyncio.create_task(run)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def ended(self) -> None:
        """Wait until nothing runs that was given to `start`."""
        while self._background:
            await asyncio.wait(self._background)

    async def run(
        self, function: Function, trigger_input: Datum, metadata: dict[str, Datum]
    ) -> Outcome:
        """Run a function and send what it put out; a run that failed puts out nothing."""
        invocation_id = str(uuid.uuid4())
        running_functions[invocation_id] = function.name
        started = time.perf_counter()
        try:
            outcome = await self._run(invocation_id, function, trigger_input, metadata)
        finally:
            del running_functions[invocation_id]
        _log(function, outcome, time.perf_counter() - started)
        return outcome

    async def _run(
        self,
        invocation_id: str,
        function: Function,
        trigger_input: Datum,
        metadata: dict[str, Datum],
    ) -> Outcome:
        inputs = [(function.trigger.parameter, trigger_input)]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                outcome = await call(invocation_id, function.id, inputs, metadata)
        except TimeoutError:
            return _failed(f"timed out after {self._timeout_seconds:g} s (functionTimeout)")
        # The worker hands over no outputs of a run that failed.
        return await self._send(function, outcome)

    async def _send(self, function: Function, outcome: Outcome) -> Outcome:
        try:
            await self._outputs.send(function, outcome)
        except AzureError as error:
            return _failed(f"its output was not sent: {reason(error)}")
        except Exception:
            return _failed(f"its output was not sent\n{traceback.format_exc()}")
        return outcome


def _failed(failure: str) -> Outcome:
    return Outcome(failure, None, ())


def _log(function: Function, outcome: Outcome, seconds: float) -> None:
    log = logging.getLogger(f"Function.{function.name}")
    trigger = _TRIGGER_NAMES[type(function.trigger).__name__]
    if outcome.failure is None:
        log.info("%s %s ok %d ms", function.name, trigger, seconds * 1000)
    else:
        log.error(
            "%s %s failed %d ms",
            function.name,
            trigger,
            seconds * 1000,
            extra={"failure": outcome.failure},
        )
