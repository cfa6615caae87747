"""The support inbox of examples/: one answer to a person, none to a program, whoever is killed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from tests.lab import submission
from tests.lab.example_app import ExampleApp
from tests.lab.lab import Lab
from tests.lab.mails import five, made_up
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until


class Desk:
    """A connected support mailbox, the application beside it, and what was sent."""

    def __init__(self, lab: Lab, app: ExampleApp, address: str) -> None:
        lab.connected(address)
        self.lab, self.app, self.address = lab, app, address
        self.customer = f"customer.{address}"

    def ask(self, subject: str = "Where is my invoice?", text: str = "", **headers: str) -> None:
        """A mail that comes to the desk."""
        headers = {"From": f"Yuki <{self.customer}>"} | headers
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
        """Where the application's endpoint stands with each event that it has refused."""
        found = [one for event in self._deliveries("owed") for one in event["endpoints"]]
        return [one for one in found if one["id"] != "ep_settings" and one["attempts"]]

    def wait_until_taken(self, count: int = 1) -> None:
        """Until so many mails were taken, by the application too."""

        def taken() -> bool:
            done = [one for one in self._deliveries("done") if one["type"] == "mail.received"]
            return len(done) >= count

        wait_until(taken, 60, f"{count} mails are taken")

    def wait_until_refused(self) -> dict[str, Any]:
        """Until the application has asked for a mail to come again."""
        [one] = wait_until(self.owed, 60, "a refusal")
        return one

    def _deliveries(self, state: str) -> list[dict[str, Any]]:
        path = f"deliveries?state={state}&account={self.lab.account_id(self.address)}"
        found: list[dict[str, Any]] = self.lab.host.api("GET", path).json()["deliveries"]
        return found


def bounce(to: str) -> bytes:
    """One that says nothing of being a program's, but for its structure."""
    raw = five(to)["bounce"].replace(b"Auto-Submitted: auto-replied\n", b"")
    return raw.replace(b"Subject: Undelivered", b"Subject: Your invoice, undelivered")


def changed(webhook: dict[str, Any], **data: Any) -> bytes:
    body = webhook["body"]
    return json.dumps(body | {"data": body["data"] | data}).encode()


@pytest.fixture(scope="module")
def app(
    example_lab: Lab, example_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExampleApp]:
    folder = tmp_path_factory.mktemp("support_inbox")
    database = {"DATABASE": str(folder / "database")}
    running = ExampleApp(example_lab, "support_inbox", folder, example_port, database)
    yield running
    running.stop()


@pytest.fixture
def desk(example_lab: Lab, app: ExampleApp, address: str) -> Iterator[Desk]:
    running = Desk(example_lab, app, address)
    yield running
    example_lab.host.api("DELETE", f"accounts/{example_lab.account_id(address)}")


def test_a_question_is_answered_in_its_thread_and_is_seen_then(desk: Desk) -> None:
    desk.ask("Where is my invoice?")
    wait_until(desk.is_seen, 60, "the mail is seen")
    [answer] = desk.answers()
    asked = desk.webhook("Where is my invoice?")["body"]["data"]
    assert desk.recipients() == [desk.customer]
    assert answer["In-Reply-To"] == f"<{asked['message_id']}>"
    assert answer["References"].split()[-1] == answer["In-Reply-To"]
    assert answer["Subject"] == "Re: Where is my invoice?"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert "under Billing" in str(answer.get_payload())


def test_i2_a_webhook_that_comes_twice_is_answered_once(desk: Desk) -> None:
    desk.ask()
    desk.wait_until_taken()
    assert [desk.again("Where is my invoice?") for _ in range(2)] == [204, 204]
    assert len(desk.answers()) == 1


def test_killed_between_the_mail_and_its_204_it_answers_once(desk: Desk) -> None:
    desk.lab.submission.watch(desk.app.kill)
    desk.ask()
    wait_until(lambda: not desk.app.running, 60, "it is killed")
    assert len(desk.answers()) == 1 and not desk.is_seen()
    assert desk.wait_until_refused()["last_status"] != 204
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
    desk.lab.mail(desk.address, bounce(desk.address))
    desk.ask("My INVOICE", Auto_Submitted="no", Reply_To="Yuki <other@sender.example>")
    seen = 11
    wait_until(lambda: desk.is_seen(seen), 60, "the last one is seen")
    desk.wait_until_taken(seen)
    assert desk.recipients() == ["other@sender.example"]
    assert not any(desk.is_seen(uid) for uid in range(1, seen))


def test_what_is_old_or_gone_is_left_to_people(desk: Desk) -> None:
    """A key is good for a day, a webhook comes for three."""
    desk.ask("Something else")
    desk.wait_until_taken()
    [webhook] = desk.lab.receiver.wait_for(1, desk.address)
    asked = {"subject": "invoice"}
    old = changed(webhook, **asked, received_at="2026-01-01T00:00:00Z")
    gone = changed(webhook, **asked, content="gone")
    for number, body in enumerate((old, gone)):
        assert desk.app.post(f"msg_{desk.customer}_{number}", body).status == 204
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
        desk.ask(f"invoice {number}", From=f"Tickets <{desk.customer.title()}>")
    desk.wait_until_taken(5)
    assert desk.recipients() == [desk.customer.title()] * 3
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
    owed = desk.wait_until_refused()
    assert owed["last_status"] == 503
    later = datetime.fromisoformat(owed["next_at"]) - datetime.now(UTC)
    assert later > timedelta(seconds=6)  # as it was told, not after the usual five
    assert len(desk.answers()) == sent


def test_a_mail_that_may_have_left_is_looked_for_and_not_sent_again(desk: Desk) -> None:
    desk.lab.submission.fail(submission.CUT_AFTER_DATA)
    desk.ask()
    assert desk.wait_until_refused()["last_status"] == 503
    assert desk.again("Where is my invoice?") == 204
    assert len(desk.answers()) == 1 and desk.is_seen()


def test_a_mail_that_may_be_lost_is_not_sent_again(desk: Desk) -> None:
    desk.lab.submission.fail(submission.CUT_AND_LOST)
    desk.ask()
    assert desk.wait_until_refused()["last_status"] == 503
    assert desk.again("Where is my invoice?") == 503
    assert not desk.answers() and not desk.is_seen()


def test_what_is_refused_for_good_is_left_to_people(desk: Desk) -> None:
    desk.lab.submission.fail(submission.DISABLED)
    desk.ask()
    desk.wait_until_taken()
    assert not desk.owed() and not desk.answers() and not desk.is_seen()
    assert "smtp_disabled" in desk.app.log_file.read_text()


def test_where_unseen_is_away_the_webhook_comes_again(desk: Desk) -> None:
    desk.ask("Something else")
    [webhook] = desk.lab.receiver.wait_for(1, desk.address)
    there = desk.app.environment["UNSEEN_URL"]
    restart(desk.app, f"http://localhost:{free_port()}")
    try:
        assert desk.app.post("msg_away", changed(webhook, subject="invoice")).status == 503
    finally:
        restart(desk.app, there)


def restart(app: ExampleApp, unseen_url: str) -> None:
    app.stop()
    app.environment["UNSEEN_URL"] = unseen_url
    app.start()
