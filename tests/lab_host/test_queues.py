"""Queues: delivery, retries, poison, kills."""

import base64
import json
import time
from collections.abc import Callable

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tests.lab.waiting import wait_until

from .conftest import StartHost
from .running_host import SHARED_QUEUE, RunningHost

OpenQueue = Callable[[str], QueueClient]


@pytest.fixture
def queue(storage: str) -> OpenQueue:
    """Open a queue by its name."""

    def open_queue(name: str) -> QueueClient:
        return QueueClient.from_connection_string(storage, name)

    return open_queue


def is_empty(queue: QueueClient) -> bool:
    # A hidden message counts here, though nobody can receive it.
    return queue.get_queue_properties().approximate_message_count == 0


def exists(queue: QueueClient) -> bool:
    try:
        return queue.get_queue_properties() is not None
    except ResourceNotFoundError:
        return False


def fill(queue: QueueClient, count: int) -> None:
    """Put messages into a new queue, all of which wait to be released."""
    with queue:
        queue.create_queue()
        for number in range(count):
            asked = json.dumps({"id": str(number), "do": "wait"})
            queue.send_message(base64.b64encode(asked.encode()).decode())


def test_a_message_is_delivered_with_its_metadata_and_deleted(
    host: RunningHost, queue: OpenQueue
) -> None:
    host.put(plain={"id": "one"})
    host.wait_for("end", of=["one"])
    started = host.records("start", of=["one"])[0]
    assert (started["dequeue_count"], started["has_times"]) == (1, True)
    assert (len(started["message_id"]), started["function"]) == (36, "work")
    with queue(SHARED_QUEUE) as work:
        wait_until(lambda: is_empty(work))


def test_lists_messages_and_strings_can_be_put_out(host: RunningHost) -> None:
    host.put(many=[{"id": "a"}, {"id": "b"}], one={"id": "c"}, plain={"id": "ä"})
    ended = host.wait_for("end", 4, of=["a", "b", "c", "ä"])
    assert sorted(entry["end"] for entry in ended) == ["a", "b", "c", "ä"]


def test_an_output_queue_is_made_when_it_is_missing(host: RunningHost, queue: OpenQueue) -> None:
    assert host.put(aside={"id": "x"}).status_code == 202
    with queue(f"{SHARED_QUEUE}-aside") as aside:
        message = aside.receive_message()
    assert message is not None
    assert base64.b64decode(message.content) == b'{"id": "x"}'


def test_a_trigger_queue_is_made_when_it_is_missing(
    start_host: StartHost, queue: OpenQueue, work_queue: str
) -> None:
    start_host()
    with queue(work_queue) as work:
        wait_until(lambda: exists(work))


def test_a_function_that_failed_puts_nothing_out(host: RunningHost) -> None:
    assert host.put(many=[{"id": "never"}], fail=True).status_code == 500
    host.put(plain={"id": "later"})
    host.wait_for("end", of=["later"])
    assert host.records("start", of=["never"]) == []


def test_a_failing_message_is_tried_again_and_then_moved_to_poison(
    host: RunningHost, queue: OpenQueue
) -> None:
    host.put(plain={"id": "bad", "do": "fail"})
    host.wait_for("poison", of=["bad"])
    assert [entry["dequeue_count"] for entry in host.records("start", of=["bad"])] == [1, 2]
    with queue(SHARED_QUEUE) as work, queue(f"{SHARED_QUEUE}-poison") as poison:
        wait_until(lambda: is_empty(work))
        wait_until(lambda: is_empty(poison))


@pytest.mark.parametrize("content", ["not base64!", base64.b64encode(b"\xff\xfe").decode()])
def test_a_message_that_cannot_be_decoded_ends_in_poison_as_it_is(
    host: RunningHost, queue: OpenQueue, content: str
) -> None:
    host.put(plain={"id": "the queue is there"})
    failed_before = host.log().count("work queue failed")
    with queue(SHARED_QUEUE) as work, queue(f"{SHARED_QUEUE}-poison") as poison:
        work.send_message(content)
        wait_until(lambda: not is_empty(poison) and is_empty(work))
        wait_until(lambda: "-poison: a message cannot be served" in host.log())
        poison.clear_messages()
    assert host.log().count("work queue failed") == failed_before


def test_a_message_stays_hidden_while_its_function_runs(
    start_host: StartHost, queue: OpenQueue, work_queue: str
) -> None:
    first, second = start_host("--hide-seconds", "1"), start_host("--hide-seconds", "1")
    first.put(plain={"id": "long", "do": "wait"})
    first.wait_for("start")
    started = time.monotonic()
    # A second and a half: without renewals somebody would have had it again by then.
    wait_until(lambda: time.monotonic() > started + 1.5)
    second.release()
    with queue(work_queue) as work:
        wait_until(lambda: is_empty(work))
    assert len(first.records("start")) == len(first.records("end")) == 1


def test_a_message_of_a_killed_host_is_delivered_again(start_host: StartHost) -> None:
    first = start_host("--hide-seconds", "1")
    first.put(plain={"id": "long", "do": "wait"})
    first.wait_for("start")
    first.kill()
    first.release()
    second = start_host("--hide-seconds", "1")
    assert second.wait_for("end")[0]["pid"] == second.process.pid
    assert [entry["dequeue_count"] for entry in second.records("start")] == [1, 2]


def test_a_message_that_kills_every_host_ends_in_poison(start_host: StartHost) -> None:
    for attempt in (1, 2):
        host = start_host("--hide-seconds", "1")
        if attempt == 1:
            host.put(plain={"id": "deadly", "do": "wait"})
        host.wait_for("start", attempt)
        host.kill()
    last = start_host("--hide-seconds", "1")
    assert last.wait_for("poison")[0]["poison"] == "deadly"
    assert len(last.records("start")) == 2


def test_no_more_than_a_batch_runs_at_once(
    start_host: StartHost, queue: OpenQueue, work_queue: str
) -> None:
    fill(queue(work_queue), 5)
    host = start_host()
    host.wait_for("start", 2)
    host.fire("tick")
    host.wait_for("tick")
    assert len(host.records("start")) == 2
    host.release()
    host.wait_for("end", 5)


def test_a_queue_function_can_be_fired_with_an_input(host: RunningHost) -> None:
    host.fire("work", '{"id": "by hand"}')
    assert host.wait_for("end", of=["by hand"])


def test_two_hosts_share_a_queue(start_host: StartHost, queue: OpenQueue, work_queue: str) -> None:
    fill(queue(work_queue), 4)
    first, second = start_host(), start_host()
    assert {e["pid"] for e in first.wait_for("start", 4)} == {
        first.process.pid,
        second.process.pid,
    }
    first.release()
    assert len(first.wait_for("end", 4)) == 4
