"""MARK_SEEN=after_delivery: a mail becomes seen once all endpoints took it, and not before."""

from collections.abc import Callable

import pytest

from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy, says
from tests.lab.stepped_app import SteppedApp

type Marking = Callable[..., SteppedApp]


@pytest.fixture
def marking(start_app: StartApp, proxy: ImapProxy) -> Marking:
    return lambda **settings: start_app(
        IMAP_HOST=f"localhost:{proxy.port}", MARK_SEEN="after_delivery", **settings
    )


def seen(app: SteppedApp, address: str, folder: str = "INBOX") -> set[int]:
    flags = app.services.dovecot.flags(address, folder)
    return {uid for uid, found in flags.items() if "\\Seen" in found}


def waiting(app: SteppedApp) -> int:
    return len(app.rows("mailboxes", to_mark=True))


def test_a_mail_that_was_delivered_becomes_seen(marking: Marking, address: str) -> None:
    app = marking()
    app.put(address, "Backlog")
    app.connected(address)
    assert seen(app, address) == {1}
    app.put(address)
    app.tick()
    assert (app.subjects(address), seen(app, address)) == (["Backlog", "Hello"], {1, 2})
    assert waiting(app) == 0


def test_without_the_setting_nothing_becomes_seen(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.put(address)
    app.tick()
    assert (app.subjects(address), seen(app, address)) == (["Hello"], set())


def test_a_mail_that_is_still_owed_stays_unseen(marking: Marking, address: str) -> None:
    app = marking()
    account = app.settled(address)
    app.put(address)
    app.services.receiver.answer({"status": 500, "times": 1}, {"status": 204})
    app.tick()
    assert seen(app, address) == set()
    app.make_attempts_due(account.id)
    app.tick()
    assert seen(app, address) == {1}


def test_what_no_session_could_mark_is_marked_later(
    marking: Marking, proxy: ImapProxy, address: str
) -> None:
    app = marking()
    app.settled(address)
    app.put(address)
    proxy.on("SELECT", says("NO Server Unavailable. 15"), times=1)
    app.tick()
    assert (seen(app, address), waiting(app)) == (set(), 1)
    app.tick_in(400)
    assert (seen(app, address), waiting(app)) == ({1}, 0)


def test_a_mail_is_found_again_under_another_number(
    marking: Marking, proxy: ImapProxy, address: str
) -> None:
    app = marking()
    app.settled(address)
    app.put(address, "Read by its owner")
    app.put(address, "Delivered")
    app.services.dovecot.expunge(address, 1)
    proxy.on("SELECT", says("NO Server Unavailable. 15"), times=1)
    app.tick()
    app.services.dovecot.renumber(address)
    app.tick_in(400)
    assert seen(app, address) == set(app.services.dovecot.flags(address)) and waiting(app) == 0


def test_each_folders_mail_is_marked_in_its_folder(marking: Marking, address: str) -> None:
    app = marking()
    account = app.settled(address)
    folders = '[["INBOX", 0, 0], ["Other", 0, 0]]'
    app.edit("accounts", account.shard, account.id, folders=folders)
    app.put(address)
    app.put(address, folder="Other")
    app.tick()
    assert seen(app, address) == seen(app, address, "Other") == {1}
