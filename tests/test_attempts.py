"""Later attempts: when, with what content, and what becomes of what nobody takes."""

import json
from typing import Any

import pytest

from shared import instants, schedule
from shared.account_rows import Account
from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy, cut, says
from tests.lab.mails import made_up
from tests.lab.receiver.client import Webhook, ids
from tests.lab.stepped_app import SteppedApp

REFUSED = says("BAD Command Argument Error. 11")


def owing(app: SteppedApp, address: str, *subjects: str, **answer: Any) -> Account:
    """An account whose mails the endpoint did not take; `answer` is what it said."""
    account = app.settled(address)
    app.services.receiver.answer(answer or {"status": 500})
    for subject in subjects or ("Hello",):
        app.services.dovecot.deliver(address, made_up(address, subject))
    app.tick()
    app.services.receiver.answer()
    return app.account(account.id)


def rows(app: SteppedApp, account: Account, prefix: str) -> list[dict[str, Any]]:
    found = app.rows("mailboxes", PartitionKey=account.id)
    return [row for row in found if row["RowKey"].startswith(prefix)]


def owed(app: SteppedApp, account: Account) -> tuple[str, int, str, int]:
    """State, attempts, next and status of the one delivery that is owed."""
    (row,) = rows(app, account, "owed:")
    found: tuple[str, int, str, int] = tuple(json.loads(row["endpoints"])["ep_settings"])
    return found


def again(app: SteppedApp, account: Account) -> Webhook:
    """What the next attempt sends, once it is due."""
    app.make_attempts_due(account.id)
    app.tick()
    return app.webhooks(account.address)[-1]


# When


@pytest.mark.parametrize("answer", [{"status": 500}, {"kind": "reset"}], ids=str)
def test_f31_what_is_not_taken_is_owed_and_due_in_five_seconds(
    app: SteppedApp, address: str, answer: dict[str, Any]
) -> None:
    account = owing(app, address, **answer)
    state, attempts, next_at, status = owed(app, account)
    assert (state, attempts, status) == ("owed", 1, answer.get("status", 0))
    assert next_at <= instants.after(instants.now(), 5)
    # The account's hour may come before; never later than the attempt.
    assert account.owed == 1 and account.next_attempt_at <= next_at


def test_f31_the_next_attempt_has_the_same_id_and_a_new_signature(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address)
    first = app.webhooks(address)[0]
    second = again(app, account)
    assert ids([first]) == ids([second])
    assert first["verified"] and second["verified"]
    assert second["body"]["timestamp"] == first["body"]["timestamp"]
    assert second["body"]["data"] == first["body"]["data"]


def test_i2_every_attempt_at_a_mail_has_one_id(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "One", "Two")
    app.services.receiver.answer({"status": 503})
    for _ in range(3):
        again(app, account)
    app.services.receiver.answer()
    again(app, account)
    assert len(app.webhooks(address)) == 2 * 5
    assert len(ids(app.webhooks(address))) == 2


def test_nothing_is_attempted_before_it_is_due(app: SteppedApp, address: str) -> None:
    account = owing(app, address)
    app.edit("accounts", account.shard, account.id, next_attempt_at="2020-01-01T00:00:00Z")
    row = rows(app, account, "owed:")[0]
    later = instants.after(instants.now(), 500)
    endpoints = json.dumps({"ep_settings": ["owed", 2, later, 500]})
    app.edit("mailboxes", account.id, row["RowKey"], next_at=later, endpoints=endpoints)
    # The account's own hour, at which its outbox is read whole, may come before.
    hour = schedule.outbox_turn(account.id, instants.now())
    app.tick()
    assert len(app.webhooks(address)) == 1
    assert app.account(account.id).next_attempt_at in (later, hour)


def test_what_was_taken_is_done_and_holds_no_content(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "Canary")
    again(app, account)
    assert not rows(app, account, "owed:")
    done = rows(app, account, "done:")[-1]
    assert done["webhook_id"] == app.webhooks(address)[0]["headers"]["webhook-id"]
    assert json.loads(done["endpoints"])["ep_settings"][:2] == ["done", 2]
    found = app.parts.outbox.find(account.id, done["webhook_id"])
    assert found and "Canary" not in str(found[1].envelope)
    assert app.account(account.id).owed == 0


def test_f33_retry_after_is_honoured(app: SteppedApp, address: str) -> None:
    account = owing(app, address, status=429, headers={"Retry-After": "1200"})
    _, attempts, next_at, status = owed(app, account)
    assert (attempts, status) == (1, 429)
    low, high = (instants.after(instants.now(), seconds) for seconds in (1190, 1200))
    assert low <= next_at <= high


def test_f33_retry_after_has_a_bound(app: SteppedApp, address: str) -> None:
    account = owing(app, address, status=503, headers={"Retry-After": "99999999"})
    assert owed(app, account)[2] <= instants.after(instants.now(), 24 * 3600)


def test_f31_an_answer_without_end_is_a_failure(app: SteppedApp, address: str) -> None:
    account = owing(app, address, kind="endless")
    assert owed(app, account)[:2] == ("owed", 1)


def test_the_waits_get_longer(app: SteppedApp, address: str) -> None:
    account = owing(app, address)
    app.services.receiver.answer({"status": 500})
    with_attempts(app, account, 1)
    app.tick()
    _, attempts, next_at, _ = owed(app, account)
    assert attempts == 2
    now = instants.now()
    assert instants.after(now, 265) <= next_at <= instants.after(now, 300)


def with_attempts(app: SteppedApp, account: Account, made: int) -> None:
    """As if so many attempts had been made, and the next were due."""
    past = "2020-01-01T00:00:00Z"
    app.make_attempts_due(
        account.id, endpoints=json.dumps({"ep_settings": ["owed", made, past, 500]})
    )


# The end


def test_f37_after_the_tenth_attempt_it_is_a_dead_letter_that_can_be_seen(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address)
    app.services.receiver.answer({"status": 500})
    with_attempts(app, account, 9)
    app.tick()
    assert not rows(app, account, "owed:")
    (dead,) = rows(app, account, "dead:")
    assert json.loads(dead["endpoints"])["ep_settings"] == ["dead", 10, instants.NEVER, 500]
    assert dead["has_dead"] is True
    now = app.account(account.id)
    assert (now.owed, now.dead) == (0, 1)
    assert app.parts.directory.show(account.id)["dead"] == 1


def test_f37_what_is_older_than_its_life_dies_at_its_next_turn(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address)
    app.services.receiver.answer({"status": 500})
    app.make_attempts_due(account.id, recorded_at="2020-01-01T00:00:00Z")
    app.tick()
    assert rows(app, account, "dead:") and not rows(app, account, "owed:")


def test_a_dead_letter_is_not_attempted_again(app: SteppedApp, address: str) -> None:
    account = owing(app, address)
    app.services.receiver.answer({"status": 500})
    with_attempts(app, account, 9)
    app.tick()
    came = len(app.webhooks(address))
    app.services.receiver.answer()
    app.tick_in(2 * 3600)
    assert len(app.webhooks(address)) == came


def test_f39_one_event_that_is_always_refused_dies_alone(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "Refused", "Taken")
    app.services.receiver.answer({"status": 400, "times": 1})
    with_attempts(app, account, 9)
    app.tick()
    now = app.account(account.id)
    assert (now.owed, now.dead) == (0, 1)
    assert app.webhooks(address)[-1]["body"]["data"]["subject"] == "Taken"


# With what content


def test_a_later_attempt_reads_the_mail_again(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = owing(app, address, "Canary")
    assert "Canary" not in str(app.rows("mailboxes"))
    proxy.commands.clear()
    webhook = again(app, account)
    assert webhook["body"]["data"]["text"].strip() == "Canary"
    assert sum("BODY.PEEK" in one for one in proxy.commands) == 1


def test_mail_that_was_moved_is_found_where_it_is(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "Archived", "Deleted")
    for uid, folder in ((1, "Archive"), (2, "Deleted Items")):
        app.services.dovecot.move(address, uid, "INBOX", folder)
    again(app, account)
    came = [one["body"]["data"] for one in app.webhooks(address)[-2:]]
    assert [one["text"].strip() for one in came] == ["Archived", "Deleted"]
    assert [(one["folder"], one["uid"]) for one in came] == [("INBOX", 1), ("INBOX", 2)]
    assert "\\Seen" not in app.services.dovecot.flags(address, "Archive")[1]


def test_a_mail_under_another_uid_keeps_its_id(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "Renumbered")
    app.services.dovecot.renumber(address)
    data = again(app, account)["body"]["data"]
    assert data["text"].strip() == "Renumbered"
    assert len(ids(app.webhooks(address))) == 1


def test_a_mail_that_is_gone_is_told_with_what_is_known_of_it(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address, "Expunged")
    first = app.webhooks(address)[0]
    app.services.dovecot.expunge(address, 1)
    second = again(app, account)
    data = second["body"]["data"]
    assert (data["content"], data["subject"]) == ("gone", "Expunged")
    assert data["from"] == first["body"]["data"]["from"] and "text" not in data
    assert ids([first]) == ids([second])


@pytest.mark.parametrize("command", ["CONNECT", r"UID FETCH"])
def test_a_mailbox_that_can_not_be_read_now_puts_the_attempt_off(
    proxied: StartApp, proxy: ImapProxy, address: str, command: str
) -> None:
    app = proxied(CHECK_INTERVAL_SECONDS="600")
    account = owing(app, address)
    before = owed(app, account)[:2]
    proxy.on(command, cut())
    app.make_attempts_due(account.id)
    app.tick()
    assert owed(app, account)[:2] == before
    assert app.account(account.id).next_attempt_at >= instants.after(instants.now(), 290)
    assert len(app.webhooks(address)) == 1


def test_after_72_hours_it_is_told_without_its_content(app: SteppedApp, address: str) -> None:
    account = owing(app, address, "Out of reach")
    app.services.microsoft.revoke(address)
    app.services.microsoft.expire_access_tokens(address)
    app.make_attempts_due(account.id, recorded_at=instants.after(instants.now(), -73 * 3600))
    app.tick()
    data = app.webhooks(address)[-1]["body"]["data"]
    assert (data["content"], data["subject"]) == ("unavailable", "Out of reach")
    assert not rows(app, account, "owed:")


def test_where_its_owner_has_to_sign_in_mail_waits_and_the_rest_is_told(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address)
    app.services.microsoft.revoke(address)
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    again(app, account)
    assert owed(app, account)[:2] == ("owed", 1)
    assert len(app.webhooks(address, "account.reconnect_required")) == 1
    app.connected(address)
    assert app.webhooks(address)[-1]["body"]["data"]["subject"] == "Hello"


def test_f30_a_mail_that_is_refused_three_times_is_told_as_unreadable(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    proxy.on(r"UID FETCH \S+ \(BODY", REFUSED)
    account = app.settled(address)
    app.put(address, "Poison")
    app.tick()
    for _ in range(2):
        assert not app.webhooks(address, "mail.unreadable")
        app.make_attempts_due(account.id)
        app.tick()
    app.make_attempts_due(account.id)
    app.tick()
    (told,) = app.webhooks(address, "mail.unreadable")
    data = told["body"]["data"]
    assert (data["uid"], data["content"]) == (1, "unreadable")
    assert not rows(app, account, "owed:") and not app.webhooks(address)


def test_f30_a_mail_that_can_be_read_after_all_is_told_as_received(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    proxy.on(r"UID FETCH \S+ \(BODY", REFUSED, times=1)
    account = app.settled(address)
    app.put(address, "Better now")
    app.tick()
    app.make_attempts_due(account.id)
    app.tick()
    assert app.subjects(address) == ["Better now"]
    assert app.account(account.id).owed == 0


# What a whole reading puts right


def test_an_event_that_the_row_does_not_know_of_is_found_within_the_hour(
    app: SteppedApp, address: str
) -> None:
    account = owing(app, address)
    app.make_attempts_due(account.id)
    hourly = instants.after(instants.now(), 1800)
    app.edit("accounts", account.shard, account.id, owed=0, next_attempt_at=hourly)
    app.tick_in(2 * 3600)
    assert len(app.webhooks(address)) == 2
    assert app.account(account.id).owed == 0
