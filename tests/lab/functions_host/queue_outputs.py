"""Queue output bindings."""

from collections.abc import Callable

from .functions import Function
from .queue_messages import bodies, encode
from .queue_storage import QueueStorage, send_creating
from .worker import Outcome

Announce = Callable[[str, str], None]


class QueueOutputs:
    """Sends what functions put out; `announce` is told of each queue that got something."""

    def __init__(self, storage: QueueStorage, *, as_base64: bool, announce: Announce) -> None:
        self._storage = storage
        self._as_base64 = as_base64
        self._announce = announce

    async def send(self, function: Function, outcome: Outcome) -> None:
        """Send the outputs of a run that succeeded, in order; raises what storage raises."""
        put_out = dict(outcome.outputs)
        if outcome.returned is not None:
            put_out.setdefault("$return", outcome.returned)
        for output in function.outputs:
            datum = put_out.get(output.parameter)
            if datum is None or datum.type is None:
                continue
            queue = self._storage.queue(output.connection, output.queue)
            for body in bodies(datum):
                await send_creating(queue, encode(body, as_base64=self._as_base64))
            self._announce(output.connection, output.queue)
