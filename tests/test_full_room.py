"""A turn that finds no room for mail in time leaves it for the next one, and loses none."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.room import SIZE_BYTES
from tests.conftest import StartApp
from tests.lab.mails import with_file
from tests.lab.stepped_app import SteppedApp


@pytest.fixture
def app(start_app: StartApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[SteppedApp]:
    """A mailbox has a second of a run, not 170."""
    monkeypatch.setattr("shared.tend.DEADLINE_SECONDS", 11)
    yield start_app()


def put_large(app: SteppedApp, address: str) -> None:
    mail = with_file(address, "Look.", "film.bin", bytes(1024 * 1024), subject="Large")
    app.services.dovecot.deliver(address, mail)


def attempts(app: SteppedApp) -> list[int]:
    """How often each mail that is owed was sent."""
    rows = [row for row in app.rows("mailboxes") if row["RowKey"].startswith("owed:")]
    return [json.loads(row["endpoints"])["ep_settings"][1] for row in rows]


def tick_without_room(app: SteppedApp) -> None:
    """As where other mailboxes have all of it."""
    place = app.parts.tend.tools.room.place(SIZE_BYTES, float("inf"))
    assert place is not None
    with closing(place):
        app.tick()


def test_new_mail_waits_for_the_next_turn(app: SteppedApp, address: str) -> None:
    app.settled(address)
    put_large(app, address)
    tick_without_room(app)
    assert app.subjects(address) == []
    app.tick_in(600)
    assert app.subjects(address) == ["Large"]


def test_a_later_attempt_waits_for_the_next_turn_and_is_not_counted(
    app: SteppedApp, address: str
) -> None:
    account = app.settled(address)
    put_large(app, address)
    app.services.receiver.answer({"status": 500})
    app.tick()
    app.services.receiver.answer()
    app.make_attempts_due(account.id)
    tick_without_room(app)
    assert app.subjects(address) == ["Large"] and attempts(app) == [1]
    app.make_attempts_due(account.id)
    app.tick()
    assert app.subjects(address) == ["Large"] * 2 and attempts(app) == []
