"""Delivery reports: who was not reached, and why."""

import pytest

from shared import mail
from shared.bounces import Bounce


def bounce(report: str, original: str = "") -> Bounce | None:
    raw = f"""Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Your mail could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

{report}
--b
{original}
--b--
"""
    return mail.parse(raw.encode()).bounce


FAILED = """Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
"""


def test_a_bounce_names_recipient_status_and_reason() -> None:
    found = bounce(FAILED)
    assert found is not None
    (recipient,) = found.recipients
    assert (recipient.address, recipient.action) == ("ann@example.com", "failed")
    assert (recipient.status, recipient.diagnostic) == ("5.1.1", "550 5.1.1 no such user")


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_the_original_mail_is_named(kind: str) -> None:
    found = bounce(FAILED, f"Content-Type: {kind}\n\nSubject: x\nMessage-ID: <1@example.com>\n")
    assert found is not None and found.original_message_id == "1@example.com"


def test_those_that_failed_come_first() -> None:
    delayed = "Original-Recipient: rfc822;bob@example.com\nAction: delayed\nStatus: 4.0.0 (later)\n"
    found = bounce(f"{delayed}\n{FAILED}")
    assert found is not None
    assert [(one.address, one.status) for one in found.recipients] == [
        ("ann@example.com", "5.1.1"),
        ("bob@example.com", "4.0.0"),
    ]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_receipt_is_no_bounce(action: str) -> None:
    assert bounce(FAILED.replace("failed", action).replace("5.1.1", "2.0.0")) is None


def test_a_report_without_an_action_goes_by_its_status() -> None:
    found = bounce(FAILED.replace("Action: failed\n", ""))
    assert found is not None and found.recipients[0].action == "failed"


def test_a_status_may_stand_in_the_diagnostic_only() -> None:
    found = bounce(FAILED.replace("Status: 5.1.1\n", ""))
    assert found is not None and found.recipients[0].status == "5.1.1"


@pytest.mark.parametrize(
    "raw", [b"Subject: x\r\n\r\nhello", b"Content-Type: message/rfc822\r\n\r\n"]
)
def test_any_other_mail_is_no_bounce(raw: bytes) -> None:
    assert mail.parse(raw).bounce is None


def test_the_event_has_the_first_recipient_on_top() -> None:
    raw = b"Content-Type: message/delivery-status\r\n\r\n\r\n" + FAILED.encode()
    event = mail.to_event(mail.parse(raw), body_limit=100)
    first = {
        "recipient": "ann@example.com",
        "action": "failed",
        "status": "5.1.1",
        "diagnostic": "550 5.1.1 no such user",
    }
    assert event["bounce"] == {**first, "original_message_id": None, "recipients": [first]}


def test_t26_recipients_beyond_the_limit_are_left_out() -> None:
    found = bounce(f"{FAILED}\n" * 500)
    assert found is not None and len(found.recipients) <= 100
