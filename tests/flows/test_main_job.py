"""The main job on the running host: sign in, get mail as signed webhooks, stay signed in."""

import pytest

from tests.lab.lab import Lab
from tests.lab.mails import five, made_up
from tests.lab.waiting import wait_until


@pytest.mark.parametrize("kind", ["personal", "work"])
def test_a_mail_arrives_as_a_signed_webhook(lab: Lab, address: str, kind: str) -> None:
    assert lab.connect(address, kind).title == "Your mailbox is connected"
    lab.mail(address, made_up(address, "Hello"))
    webhook = lab.receiver.wait_for(1, address)[0]
    assert webhook["verified"]
    assert webhook["body"]["data"]["subject"] == "Hello"


def test_five_kinds_of_mail_arrive_as_what_they_are(lab: Lab, address: str) -> None:
    lab.connect(address)
    lab.mail(address, *five(address).values())
    came = [one["body"]["data"] for one in lab.receiver.wait_for(5, address)]
    japanese, attachment, reply, html_only, bounce = sorted(came, key=lambda one: one["uid"])
    assert japanese["text"].strip() == "来週の会議は月曜日の十時からです。"
    assert attachment["attachments"][0]["filename"] == "Rechnung März.pdf"
    assert reply["in_reply_to"] == japanese["message_id"]
    assert "<b>today</b>" in html_only["html"]
    assert bounce["bounce"]["recipient"] == "nobody@sender.example"


def test_i7_mail_that_was_told_of_is_still_unseen(lab: Lab, address: str) -> None:
    lab.connect(address)
    lab.mail(address, made_up(address, "Unseen"), made_up(address, "Unseen too"))
    lab.receiver.wait_for(2, address)
    assert all("\\Seen" not in flags for flags in lab.dovecot.flags(address).values())


def test_an_expired_access_token_is_replaced_without_anybody(lab: Lab, address: str) -> None:
    lab.connect(address)
    before = lab.microsoft.current_refresh_fingerprint(address)
    lab.microsoft.expire_access_tokens(address)
    lab.mail(address, made_up(address, "After the token expired"))
    lab.receiver.wait_for(1, address)
    # A session that was open when its token expired may have seen the mail: the next one can't.
    wait_until(lambda: lab.microsoft.current_refresh_fingerprint(address) != before, 20)


def test_i5_a_mailbox_that_can_not_be_read_does_not_hold_up_another(lab: Lab, address: str) -> None:
    broken = f"broken.{address}"
    for one in (broken, address):
        lab.connect(one)
        lab.receiver.wait_for(1, one, "mailbox.ready")
    lab.microsoft.revoke(broken)
    lab.microsoft.expire_access_tokens(broken)
    lab.mail(address, made_up(address, "Good news"))
    lab.receiver.wait_for(1, address)
    lab.receiver.wait_for(1, broken, "account.reconnect_required")
