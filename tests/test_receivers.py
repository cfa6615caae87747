"""The receivers of examples/: run as they are, against webhooks as they are sent."""

import base64
import json
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.guard import Guard
from shared.webhooks import Sender, signature
from tests.event_schemas import examples
from tests.lab.ports import free_port
from tests.lab.processes import ROOT, Process

_FOLDER = ROOT / "examples/receivers"
_COMMANDS: dict[str, list[str | Path]] = {
    "Python": [sys.executable, _FOLDER / "receiver.py"],
    "Node": ["node", _FOLDER / "receiver.mjs"],
}
_OWN, _OTHER = b"s" * 32, b"o" * 32


class Receiver:
    """One of them, running."""

    def __init__(self, name: str, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/hook"
        environment = {"WEBHOOK_SECRET": f"whsec_{base64.b64encode(_OWN).decode()}"}
        command = [*_COMMANDS[name], str(port)]
        self._process = Process(name, command, folder / f"{name}.log", environment)
        self._process.wait_for_port(port)

    def handled(self, subject: str) -> int:
        """How often an event with that subject was handled: it is told before the answer."""
        lines = self._process.log_file.read_text().splitlines()
        return sum(line.endswith(f" {subject}") for line in lines)

    def stop(self) -> None:
        self._process.stop()


@pytest.fixture(scope="module", params=_COMMANDS)
def receiver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    running = Receiver(request.param, tmp_path_factory.mktemp("receiver"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sender() -> Iterator[Sender]:
    found = Sender("", Guard(private=True))
    yield found
    found.close()


@pytest.fixture
def subject() -> str:
    """A subject that no other test sends."""
    return f"会議 {secrets.token_hex(8)}"


def body(subject: str, **more: Any) -> bytes:
    event = {"type": "mail.received", "data": {"subject": subject}} | more
    return json.dumps(event, ensure_ascii=False).encode()


def new_id() -> str:
    return f"msg_{secrets.token_hex(13)}_{secrets.token_hex(10)}"


def test_a_webhook_is_accepted_and_handled(
    receiver: Receiver, sender: Sender, subject: str
) -> None:
    now = datetime.now(UTC)
    assert sender.post(receiver.url, [_OWN], new_id(), body(subject), now).status == 204
    assert receiver.handled(subject) == 1


def test_i2_a_webhook_that_comes_again_is_accepted_and_handled_once(
    receiver: Receiver, sender: Sender, subject: str
) -> None:
    webhook_id, now = new_id(), datetime.now(UTC)
    for seconds in (0, 5, 60):
        at = now + timedelta(seconds=seconds)
        assert sender.post(receiver.url, [_OWN], webhook_id, body(subject), at).delivered
    assert receiver.handled(subject) == 1


def test_every_event_is_accepted(receiver: Receiver, sender: Sender) -> None:
    now = datetime.now(UTC)
    for _, event in examples():
        raw = json.dumps(event, ensure_ascii=False).encode()
        assert sender.post(receiver.url, [_OWN], new_id(), raw, now).delivered, event["type"]


@pytest.mark.parametrize("both", [(_OTHER, _OWN), (_OWN, _OTHER)], ids=["before", "after"])
def test_t19_during_a_rotation_either_secret_accepts(
    receiver: Receiver, sender: Sender, subject: str, both: tuple[bytes, bytes]
) -> None:
    now = datetime.now(UTC)
    assert sender.post(receiver.url, both, new_id(), body(subject), now).delivered
    assert receiver.handled(subject) == 1


@pytest.mark.parametrize(
    ("secret", "minutes"), [(_OTHER, 0), (_OWN, -6), (_OWN, 6)], ids=["foreign", "stale", "early"]
)
def test_t19_a_foreign_or_stale_webhook_is_refused(
    receiver: Receiver, sender: Sender, subject: str, secret: bytes, minutes: int
) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    assert sender.post(receiver.url, [secret], new_id(), body(subject), at).status == 401
    assert receiver.handled(subject) == 0


@pytest.mark.parametrize(
    "edited",
    [
        {"body": body("会議 0").replace(b"0", b"1")},
        {"body": b"\xff\xfe"},
        {"body": b""},
        {"webhook-id": "msg_other"},
        {"webhook-id": None},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": None},
        {"webhook-signature": None},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,no base64"},
        {"webhook-signature": "a,b,c d"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1a,AAAA"},
    ],
    ids=str,
)
def test_t19_an_edited_webhook_is_refused(receiver: Receiver, edited: dict[str, Any]) -> None:
    webhook_id, timestamp, raw = new_id(), int(datetime.now(UTC).timestamp()), body("会議 0")
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": f"{timestamp}",
        "webhook-signature": signature(_OWN, webhook_id, timestamp, raw),
    }
    changed = {"body": raw} | headers | edited
    answer = requests.post(receiver.url, changed.pop("body"), headers=changed, timeout=10)
    assert answer.status_code == 401


def test_what_could_not_be_handled_is_not_accepted_and_may_come_again(
    receiver: Receiver, sender: Sender, subject: str
) -> None:
    webhook_id, now = new_id(), datetime.now(UTC)
    broken = body(subject, data=None)
    assert not sender.post(receiver.url, [_OWN], webhook_id, broken, now).delivered
    assert sender.post(receiver.url, [_OWN], webhook_id, body(subject), now).delivered
    assert receiver.handled(subject) == 1


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert "node_modules/standardwebhooks" in lock["packages"]
