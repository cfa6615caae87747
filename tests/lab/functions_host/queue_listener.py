"""A queue trigger: polls, runs the function, deletes, retries, and gives up into the poison queue.

A message is deleted after its run and hidden while it runs, so a host that is killed loses
nothing: the message comes back when its time is over. The rules are those of Azure's queue
extension: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue
"""

import asyncio
import contextlib
import logging

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure_functions_runtime.bindings.datumdef import Datum

from .functions import Function, QueueTrigger
from .host_json import QueueOptions
from .invocations import Invocations
from .queue_leases import QueueLease, reason
from .queue_messages import decode, trigger_metadata
from .queue_storage import QueueStorage, create_if_missing, send_creating

_LOG = logging.getLogger("Host.Queues")
_POISON = "-poison"
_SHORTEST_POLL_SECONDS = 0.1
_LONGEST_RETRY_SECONDS = 30.0


class QueueListener:
    """Serves one queue for one function; a received message is hidden for `hide_seconds`."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        storage: QueueStorage,
        invocations: Invocations,
        options: QueueOptions,
        hide_seconds: int,
    ) -> None:
        self._function = function
        self._invocations = invocations
        self._options = options
        self._hide_seconds = hide_seconds
        self._queue = storage.queue(trigger.connection, trigger.queue)
        # A poison queue has none of its own: its messages stay where they are.
        self._poison = (
            None
            if trigger.queue.endswith(_POISON)
            else storage.queue(trigger.connection, trigger.queue + _POISON)
        )
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Poll now: something was put into the queue."""
        self._wake.set()

    def stop(self) -> None:
        """Take no further message; runs go on."""
        self._stopping = True
        self._wake.set()

    async def listen(self) -> None:
        """Poll until `stop`: without pause while there are messages, then ever more seldom."""
        pause = _SHORTEST_POLL_SECONDS
        failures = 0
        while not self._stopping:
            self._wake.clear()
            try:
                messages = await self._receive()
                failures = 0
            except AzureError as error:
                failures += 1
                await self._after_failed_poll(error, failures)
                continue
            if messages:
                pause = _SHORTEST_POLL_SECONDS
                await self._take(messages)
            else:
                await self._pause(pause)
                pause = min(pause * 2, self._options.max_polling_seconds)

    async def _receive(self) -> list[QueueMessage]:
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size,
            max_messages=self._options.batch_size,
            visibility_timeout=self._hide_seconds,
            retry_total=0,
        )
        return [message async for message in pages]

    async def _after_failed_poll(self, error: AzureError, failures: int) -> None:
        if isinstance(error, ResourceNotFoundError) and failures == 1:
            with contextlib.suppress(AzureError):
                await create_if_missing(self._queue)
            return
        seconds = min(_LONGEST_RETRY_SECONDS, 0.5 * 2 ** min(failures, 10))
        _LOG.warning(
            "queue %s cannot be read (%s); next try in %g s",
            self._queue.queue_name,
            reason(error),
            seconds,
        )
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _take(self, messages: list[QueueMessage]) -> None:
        """Start a batch and wait until there is room for the next."""
        for message in messages:
            lease = QueueLease(self._queue, message, self._hide_seconds)
            run = self._give_back(lease) if self._stopping else self._serve(message, lease)
            task = self._invocations.start(run)
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        while len(self._running) > self._options.new_batch_threshold and not self._stopping:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _serve(self, message: QueueMessage, lease: QueueLease) -> None:
        try:
            await self._handle(message, lease)
        except AzureError as error:
            _LOG.warning(
                "queue %s: a message could not be settled (%s); it comes again",
                self._queue.queue_name,
                reason(error),
            )
        finally:
            await lease.leave()

    async def _handle(self, message: QueueMessage, lease: QueueLease) -> None:
        lease.keep()
        text = decode(message.content, as_base64=self._options.base64)
        tries = message.dequeue_count or 1
        # More tries than allowed: the host was killed in each of them.
        if text is None or tries > self._options.max_dequeue_count:
            await self._give_up(message, lease)
        elif await self._succeeds(text, message):
            await lease.delete()
        elif self._poison is not None and tries < self._options.max_dequeue_count:
            await lease.release(self._options.retry_seconds)
        else:
            await self._give_up(message, lease)

    async def _succeeds(self, text: str, message: QueueMessage) -> bool:
        outcome = await self._invocations.run(
            self._function, Datum(text, "string"), trigger_metadata(message)
        )
        return outcome.failure is None

    async def _give_up(self, message: QueueMessage, lease: QueueLease) -> None:
        """Move a message to the poison queue; one in a poison queue stays hidden for a while."""
        if self._poison is None:
            _LOG.error("queue %s: a message cannot be served", self._queue.queue_name)
            return
        await send_creating(self._poison, message.content)
        await lease.delete()
        _LOG.error(
            "queue %s: a message was moved to %s",
            self._queue.queue_name,
            self._poison.queue_name,
        )

    async def _give_back(self, lease: QueueLease) -> None:
        with contextlib.suppress(AzureError):
            await lease.release(0)
