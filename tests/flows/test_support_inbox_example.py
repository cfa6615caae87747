"""The support inbox of examples/: one answer to a person, none to a program, whoever is killed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.lab import submission
from tests.lab.example_app import ExampleApp
from tests.lab.lab import Lab
from tests.lab.mails import five, made_up
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until

_CUSTOMER = "yuki@sender.example"


class Desk:
    """A connected support mailbox, the application beside it, and what was sent."""

    def __init__(self, lab: Lab, address: str, port: int, folder: Path) -> None:
        lab.connected(address)
        self.lab, self.address = lab, address
        database = {"DATABASE": str(folder / "database")}
        self.app = ExampleApp(lab, "support_inbox", folder, port, database)

    def ask(self, subject: str = "Where is my invoice?", text: str = "", **headers: str) -> None:
        """A mail that comes to the desk."""
        self.lab.mail(self.address, made_up(self.address, subject, text, **headers))

    def answers(self) -> list[Message]:
        return [message_from_bytes(one.raw) for one in self.lab.submission.accepted]

    def recipients(self) -> list[str]:
        return [to for one in self.lab.submission.accepted for to in one.recipients]

    def is_seen(self, uid: int = 1) -> bool:
        return "\\Seen" in self.lab.dovecot.flags(self.address)[uid]

    def webhook(self, subject: str) -> dict[str, Any]:
        """What Unseen sent for that mail."""
        came = self.lab.receiver.received(self.address, "mail.received")
        return next(one for one in came if one["body"]["data"]["subject"] == subject)

    def again(self, subject: str) -> int:
        """The same webhook once more, without the wait; gives what it is answered with."""
        webhook = self.webhook(subject)
        return self.app.post(webhook["headers"]["webhook-id"], changed(webhook)).status

    def owed(self) -> list[dict[str, Any]]:
        """Where the application's endpoint stands with each event that it has not taken."""
        path = f"deliveries?state=owed&account={self.lab.account_id(self.address)}"
        owed = self.lab.host.api("GET", path).json()["deliveries"]
        return [one for event in owed for one in event["endpoints"] if one["id"] != "ep_settings"]


def changed(webhook: dict[str, Any], **data: Any) -> bytes:
    body = webhook["body"]
    return json.dumps(body | {"data": body["data"] | data}).encode()


@pytest.fixture
def desk(example_lab: Lab, address: str, example_port: int, tmp_path: Path) -> Iterator[Desk]:
    running = Desk(example_lab, address, example_port, tmp_path)
    yield running
    running.app.stop()


def test_a_question_is_answered_in_its_thread_and_is_seen_then(desk: Desk) -> None:
    desk.ask("Where is my invoice?")
    wait_until(desk.is_seen, 30, "the mail is seen")
    [answer] = desk.answers()
    asked = desk.webhook("Where is my invoice?")["body"]["data"]
    assert desk.recipients() == [_CUSTOMER]
    assert answer["In-Reply-To"] == f"<{asked['message_id']}>"
    assert answer["References"].split()[-1] == answer["In-Reply-To"]
    assert answer["Subject"] == "Re: Where is my invoice?"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert "under Billing" in str(answer.get_payload())


def test_i2_a_webhook_that_comes_twice_is_answered_once(desk: Desk) -> None:
    desk.ask()
    desk.app.wait_for(1)
    wait_until(desk.is_seen, 30, "the mail is seen")
    before = desk.app.answered()
    webhook_id = desk.webhook("Where is my invoice?")["headers"]["webhook-id"]
    assert desk.lab.host.api("POST", f"deliveries/{webhook_id}/replay", json={}).ok
    desk.app.wait_for(before + 1)
    assert len(desk.answers()) == 1


def test_killed_between_the_mail_and_its_204_it_answers_once(desk: Desk) -> None:
    desk.lab.submission.watch(desk.app.kill)
    desk.ask()
    wait_until(lambda: not desk.app.running, 30, "it is killed")
    assert len(desk.answers()) == 1 and not desk.is_seen()
    assert desk.owed() and not desk.app.answered()
    desk.lab.submission.watch(None)
    desk.app.stop()
    desk.app.start()
    assert desk.again("Where is my invoice?") == 204
    assert len(desk.answers()) == 1 and desk.is_seen()


def test_nobody_is_answered_who_is_no_person_or_asks_what_is_not_known(desk: Desk) -> None:
    desk.ask("invoice, out of office", Auto_Submitted="auto-replied")
    desk.ask("invoice, generated", Auto_Submitted="auto-generated (report)")
    desk.ask("invoice, of a list", List_Id="<news.sender.example>")
    desk.ask("invoice, from a robot", From="No Reply <NoReply@sender.example>")
    desk.ask("invoice, to a robot", Reply_To="mailer-daemon@sender.example")
    desk.ask("invoice, from ourselves", From=f"Desk <{desk.address.upper()}>")
    desk.ask("invoice, back to ourselves", Reply_To=desk.address)
    desk.ask("invoice, from nobody", From="undisclosed")
    desk.ask("Something else")
    desk.lab.mail(desk.address, five(desk.address)["bounce"].replace(b"Are you", b"invoice"))
    desk.ask("My INVOICE", Auto_Submitted="no", Reply_To="Yuki <other@sender.example>")
    seen = 11
    wait_until(lambda: desk.is_seen(seen), 40, "the last one is seen")
    desk.app.wait_for(seen)
    assert desk.recipients() == ["other@sender.example"]
    assert not any(desk.is_seen(uid) for uid in range(1, seen))


def test_what_is_old_or_gone_is_left_to_people(desk: Desk) -> None:
    """A key is good for a day, a webhook comes for three."""
    desk.ask("Something else")
    desk.app.wait_for(1)
    [webhook] = desk.lab.receiver.wait_for(1, desk.address)
    asked = {"subject": "invoice"}
    old = changed(webhook, **asked, received_at="2026-01-01T00:00:00Z")
    gone = changed(webhook, **asked, content="gone")
    for number, body in enumerate((old, gone)):
        assert desk.app.post(f"msg_{number}", body).status == 204
    assert not desk.answers()
    assert desk.app.post("msg_new", changed(webhook, **asked)).status == 204
    assert len(desk.answers()) == 1


def test_a_forged_webhook_is_refused(desk: Desk) -> None:
    desk.ask("Something else")
    [webhook] = desk.lab.receiver.wait_for(1, desk.address)
    body = changed(webhook, subject="invoice")
    assert desk.app.post("msg_forged", body, b"o" * 32).status == 401
    assert not desk.answers()


def test_whoever_answers_back_each_time_is_answered_three_times_a_day(desk: Desk) -> None:
    for number in range(5):
        desk.ask(f"invoice {number}", From="Tickets <Tickets@loop.example>")
    desk.app.wait_for(5)
    assert desk.recipients() == ["Tickets@loop.example"] * 3
    assert [desk.is_seen(uid) for uid in range(1, 6)] == [True] * 3 + [False] * 2


def test_who_is_told_to_wait_has_the_webhook_come_again(desk: Desk) -> None:
    """Thirty a minute are the most for an account."""
    path = f"accounts/{desk.lab.account_id(desk.address)}/messages"
    mail = {"to": ["x@y.example"], "subject": "x", "text": "x"}
    while (answer := desk.lab.host.api("POST", path, json=mail)).ok:
        pass
    assert answer.status_code == 429
    sent = len(desk.answers())
    desk.ask()
    desk.app.wait_for(1, status=503)
    owed = wait_until(lambda: [one for one in desk.owed() if one["attempts"]], 20, "an attempt")
    assert [one["last_status"] for one in owed] == [503]
    later = datetime.fromisoformat(owed[0]["next_at"]) - datetime.now(UTC)
    assert later > timedelta(seconds=6)  # as it was told, not after the usual five
    assert len(desk.answers()) == sent


def test_a_mail_that_may_have_left_is_looked_for_and_not_sent_again(desk: Desk) -> None:
    desk.lab.submission.fail(submission.CUT_AFTER_DATA)
    desk.ask()
    desk.app.wait_for(1, status=503)
    assert desk.again("Where is my invoice?") == 204
    assert len(desk.answers()) == 1 and desk.is_seen()


def test_a_mail_that_may_be_lost_is_not_sent_again(desk: Desk) -> None:
    desk.lab.submission.fail(submission.CUT_AND_LOST)
    desk.ask()
    desk.app.wait_for(1, status=503)
    assert desk.again("Where is my invoice?") == 503
    assert not desk.answers() and not desk.is_seen()


def test_what_is_refused_for_good_is_left_to_people(desk: Desk) -> None:
    desk.lab.submission.fail(submission.DISABLED)
    desk.ask()
    desk.app.wait_for(1)
    assert not desk.owed() and not desk.answers() and not desk.is_seen()
    assert "smtp_disabled" in desk.app.log_file.read_text()


def test_where_unseen_is_away_the_webhook_comes_again(desk: Desk) -> None:
    desk.ask("Something else")
    [webhook] = desk.lab.receiver.wait_for(1, desk.address)
    desk.app.stop()
    desk.app.environment["UNSEEN_URL"] = f"http://localhost:{free_port()}"
    desk.app.start()
    assert desk.app.post("msg_away", changed(webhook, subject="invoice")).status == 503
