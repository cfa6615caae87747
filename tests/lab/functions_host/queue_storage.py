"""Queues of the storage accounts that bindings name."""

import contextlib

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from .errors import HostError


class QueueStorage:
    """One connection pool per connection string, shared by its queues."""

    def __init__(self) -> None:
        self._accounts: dict[str, QueueServiceClient] = {}

    def queue(self, connection: str, name: str) -> QueueClient:
        """Give the client of a queue; nothing is asked of the server yet; raises HostError."""
        if connection not in self._accounts:
            try:
                self._accounts[connection] = _account(connection)
            except ValueError as error:
                # The error's text may quote the connection string.
                raise HostError("a storage connection string is malformed") from error
        return self._accounts[connection].get_queue_client(name)

    async def close(self) -> None:
        """Close all connections."""
        for account in self._accounts.values():
            await account.close()


async def send_creating(queue: QueueClient, content: str) -> None:
    """Add a message, to a queue that is made where it is missing."""
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        await create_if_missing(queue)
        await queue.send_message(content)


async def create_if_missing(queue: QueueClient) -> None:
    """Create a queue, which another may have done in the same moment."""
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue()


def _account(connection: str) -> QueueServiceClient:
    return QueueServiceClient.from_connection_string(
        connection,
        # These four go to the client's exponential retry.
        initial_backoff=1,
        increment_base=2,
        retry_total=3,
        random_jitter_range=1,
        connection_timeout=5,
        read_timeout=30,
    )
