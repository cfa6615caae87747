"""System: the pseudo-account that tells what is no single account's business."""

import pytest

from shared import events
from shared.connector import Connector
from shared.errors import Rejected
from shared.outbox_rows import Event
from tests.conftest import StartApp
from tests.desk import Desk
from tests.lab.services import Services


@pytest.fixture
def desk(start_app: StartApp, services: Services) -> Desk:
    return Desk(start_app, services)


def disabled(desk: Desk, occasion: str = "then") -> Event:
    return events.endpoint_disabled(
        "system", "ep_aaaaaaaa", "Orders", "endpoint_gone", occasion, desk.clock.text
    )


def test_it_is_made_when_it_is_first_needed_and_once(desk: Desk) -> None:
    assert desk.app.rows("accounts") == []
    desk.parts.system.tell(disabled(desk))
    made = desk.app.account("system")
    Connector(desk.parts.settings, desk.clock).system.tell(disabled(desk, "later"))
    (row,) = desk.app.rows("accounts")
    assert (row["RowKey"], row["connected_at"]) == ("system", made.connected_at)
    assert len(desk.app.rows("mailboxes", PartitionKey="system")) == 3


def test_what_it_tells_is_delivered_at_the_next_tick(desk: Desk) -> None:
    event = disabled(desk)
    desk.parts.system.tell(event)
    desk.tick()
    (webhook,) = desk.came("settings")
    assert webhook["headers"]["webhook-id"] == event.webhook_id
    assert event.webhook_id.startswith("msg_system_")
    assert webhook["body"]["data"]["endpoint"] == {"id": "ep_aaaaaaaa", "description": "Orders"}


def test_it_tells_the_same_once(desk: Desk) -> None:
    for _ in range(2):
        desk.parts.system.tell(disabled(desk))
        desk.tick(seconds=1)
    assert len(desk.came("settings")) == 1


def test_one_endpoint_can_be_left_out(desk: Desk) -> None:
    desk.endpoint("other")
    desk.parts.system.tell(disabled(desk), but_not="ep_settings")
    desk.tick()
    assert (len(desk.came("settings")), len(desk.came("other"))) == (0, 1)


def test_what_nobody_takes_is_not_stored(desk: Desk) -> None:
    desk.parts.system.tell(disabled(desk), but_not="ep_settings")
    assert desk.parts.outbox.standing("system").owed == 0


def test_a_kill_before_the_accounts_row_is_made_up_for_when_it_is_told_again(desk: Desk) -> None:
    desk.parts.system.tell(disabled(desk, "first"))
    desk.tick()
    event = disabled(desk)
    desk.parts.system.tell(event)
    desk.app.edit(
        "accounts", "00", "system", next_attempt_at="9999-12-31T00:00:00Z", next_due_at="9999"
    )
    desk.parts.system.tell(event)
    desk.tick(seconds=1)
    assert desk.sent_ids("settings")[-1] == event.webhook_id


def test_a_kill_before_its_own_row_leaves_what_the_next_one_completes(desk: Desk) -> None:
    desk.parts.outbox.open("system", "system")
    desk.parts.system.tell(disabled(desk))
    desk.tick()
    assert len(desk.came("settings")) == 1


def test_it_is_tended_to_without_token_or_mailbox(desk: Desk) -> None:
    desk.parts.system.tell(disabled(desk))
    desk.tick()
    desk.tick(hours=2)
    now = desk.app.account("system")
    assert (now.status, now.code, now.failures, now.claim) == ("system", "", 0, "")


def test_the_api_does_not_show_it(desk: Desk) -> None:
    desk.parts.system.tell(disabled(desk))
    assert desk.parts.directory.page()["accounts"] == []
    for work in (
        lambda: desk.parts.directory.show("system"),
        lambda: desk.parts.directory.change("system", {"common_endpoints": False}),
        lambda: desk.parts.disconnect.disconnect("system"),
        lambda: desk.parts.enqueue.now("system"),
    ):
        with pytest.raises(Rejected, match="account_unknown"):
            work()
