"""A received queue message, kept hidden from others while its function runs."""

import asyncio
import logging

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

_LOG = logging.getLogger("Host.Queues")
_LOST = {"MessageNotFound", "PopReceiptMismatch"}


class QueueLease:
    """The right to a message, renewed at half of `hide_seconds`.

    Each renewal gives a new pop receipt, and only the newest one can delete the message. So the
    message is never let go of while a renewal is on its way.
    """

    def __init__(self, queue: QueueClient, message: QueueMessage, hide_seconds: int) -> None:
        self._queue = queue
        self._message = message
        self._hide_seconds = hide_seconds
        self._busy = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    def keep(self) -> None:
        """Begin to renew."""
        self._renewal = asyncio.create_task(self._renew_until_lost())

    async def delete(self) -> None:
        """End the message's life."""
        await self._stop()
        await self._queue.delete_message(self._message)

    async def release(self, seconds: int) -> None:
        """Let the message be received again after `seconds`."""
        await self._stop()
        await self._queue.update_message(self._message, visibility_timeout=seconds)

    async def leave(self) -> None:
        """Stop renewing, so that the message comes back when its time is over."""
        await self._stop()

    async def _stop(self) -> None:
        async with self._busy:
            if self._renewal is not None:
                self._renewal.cancel()

    async def _renew_until_lost(self) -> None:
        while True:
            await asyncio.sleep(self._hide_seconds / 2)
            async with self._busy:
                try:
                    updated = await self._queue.update_message(
                        self._message, visibility_timeout=self._hide_seconds
                    )
                    self._message.pop_receipt = updated.pop_receipt
                except AzureError as error:
                    _LOG.warning(
                        "queue %s: a renewal failed: %s", self._queue.queue_name, reason(error)
                    )
                    if reason(error) in _LOST:
                        return


def reason(error: AzureError) -> str:
    """Name what storage said, without its text, which may quote what was sent."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or type(error).__name__)
