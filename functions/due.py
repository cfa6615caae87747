"""What comes due: the timer that claims it, the queue that tends to it, and what it gave up."""

import typing

import azure.functions as func

from shared.connector import connector
from shared.logs import Log

QUEUE = "mailboxes-due"
STORAGE = "AzureWebJobsStorage"

log = Log(__name__)
blueprint = func.Blueprint()


# A literal: the host silently drops a timer whose %SETTING% is not set.
@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
@blueprint.queue_output(arg_name="messages", queue_name=QUEUE, connection=STORAGE)
def enqueue_due_mailboxes(
    timer: func.TimerRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the indexer wants it
) -> None:
    parts = connector()
    found = parts.enqueue.enqueue(parts.now())
    if found:
        messages.set(found)


@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection=STORAGE)
def tend_mailboxes(message: func.QueueMessage) -> None:
    connector().tend.receive(message.get_body(), message.dequeue_count or 1)


@blueprint.queue_trigger(arg_name="message", queue_name=f"{QUEUE}-poison", connection=STORAGE)
def poison(message: func.QueueMessage) -> None:
    """What failed every time: its accounts come due by themselves when their claim ends."""
    log.error("queue_message_given_up", id=message.id)
    connector().once.count("poisoned")
