"""Event payloads: what a webhook's body holds, in which order, and what it leaves out."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shared import events
from shared.account_rows import Account
from shared.catalogue import ENTRIES
from shared.outbox_rows import Delivery, Event

_BASE_URL = "https://unseen.example"
_NOW = "2026-01-31T12:00:00Z"
_ACCOUNT = Account(
    id="acc_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    shard="00",
    address="ada@outlook.example",
    reference="customer-7",
    labels=("sales",),
    generation="g1",
)
_MAIL: dict[str, Any] = {
    "message_id": "<1@sender.example>",
    "subject": "会議",
    "from": [{"name": "Yuki", "address": "yuki@sender.example"}],
    "to": [],
    "date": "2026-01-31T11:59:00Z",
    "text": "Hello",
    "attachments": [],
}
_EVENT = Event(
    webhook_id="msg_aaaaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbb",
    type="mail.received",
    recorded_at=_NOW,
    envelope=events.envelope(_MAIL, "2026-01-31T11:59:30Z", 1234),
    endpoints={},
    folder="INBOX",
    uidvalidity=7,
    uid=42,
    sequence=3,
)


def test_a_body_is_type_timestamp_and_data() -> None:
    found = json.loads(events.body(_EVENT, {"a": "会議"}))
    assert found == {"type": "mail.received", "timestamp": _NOW, "data": {"a": "会議"}}
    assert list(found) == ["type", "timestamp", "data"]


def test_i2_a_body_is_the_same_at_every_attempt() -> None:
    assert events.body(_EVENT, {"a": 1}) == events.body(_EVENT, {"a": 1})


def test_f24_a_lone_surrogate_makes_no_broken_json() -> None:
    assert json.loads(events.body(_EVENT, {"folder": "a\ud800b"}))["data"]["folder"] == "a?b"


def test_an_envelope_is_enough_to_find_the_mail_again() -> None:
    assert _EVENT.envelope == {
        "message_id": "<1@sender.example>",
        "subject": "会議",
        "from": [{"name": "Yuki", "address": "yuki@sender.example"}],
        "to": [],
        "date": "2026-01-31T11:59:00Z",
        "received_at": "2026-01-31T11:59:30Z",
        "size": 1234,
    }


def test_an_envelope_of_an_unreadable_mail_says_what_the_server_said() -> None:
    found = events.envelope({}, _NOW, 10)
    assert (found["received_at"], found["size"], found["subject"]) == (_NOW, 10, None)


def test_a_mail_says_where_it_is_then_what_it_is() -> None:
    found = events.mail_received(_ACCOUNT, _EVENT, _MAIL, ("\\Flagged",), _BASE_URL)
    assert list(found) == [
        *("account", "folder", "uid", "uid_validity", "sequence"),
        *("message_id", "subject", "from", "to", "date"),
        *("received_at", "size", "flags", "url", "text", "attachments"),
    ]
    assert (found["uid"], found["uid_validity"], found["sequence"]) == (42, 7, 3)
    assert found["flags"] == ["\\Flagged"]


def test_a_mail_says_where_the_api_has_it_and_its_attachments() -> None:
    mail = _MAIL | {"attachments": [{"id": "1.2", "url": None}]}
    found = events.mail_received(_ACCOUNT, _EVENT, mail, (), _BASE_URL)
    message = f"{_BASE_URL}/api/accounts/{_ACCOUNT.id}/messages/42"
    place = "folder=INBOX&uid_validity=7"
    assert found["url"] == f"{message}?{place}"
    assert found["attachments"] == [{"id": "1.2", "url": f"{message}/attachments/1.2?{place}"}]
    assert mail["attachments"] == [{"id": "1.2", "url": None}]


def test_every_event_says_whose_it_is() -> None:
    assert events.mail_received(_ACCOUNT, _EVENT, _MAIL, (), _BASE_URL)["account"] == {
        "id": _ACCOUNT.id,
        "address": "ada@outlook.example",
        "reference": "customer-7",
        "labels": ["sales"],
    }


def test_a_mail_that_is_gone_is_told_of_by_its_envelope() -> None:
    found = events.mail_without_content(_ACCOUNT, _EVENT, events.GONE)
    assert (found["content"], found["subject"], found["uid"]) == ("gone", "会議", 42)
    assert "text" not in found


@pytest.mark.parametrize(
    ("kind", "readable"),
    [("mail.received", False), ("mail.unreadable", True), ("account.blocked", True)],
)
def test_only_a_received_mail_has_to_be_read_again(kind: str, readable: bool) -> None:
    event = Event("msg_a_b", kind, _NOW, dict(_EVENT.envelope), {})
    assert (events.without_reading(_ACCOUNT, event) is not None) is readable


def test_f30_an_unreadable_mail_has_an_id_of_its_own() -> None:
    found = events.unreadable(_ACCOUNT, _EVENT)
    assert (found.type, found.uid, found.sequence) == ("mail.unreadable", 42, 3)
    assert found.webhook_id == events.unreadable(_ACCOUNT, _EVENT).webhook_id
    assert found.webhook_id != _EVENT.webhook_id


def test_a_status_event_says_what_happened_and_where_to_act() -> None:
    code = "imap_denied"
    found = events.status_event(_ACCOUNT, events.ACCOUNT_BLOCKED, 5, _NOW, code=code).envelope
    entry = ENTRIES[code]
    assert (found["code"], found["message"], found["link"]) == (code, entry.owner, entry.link)


def test_a_link_that_is_given_goes_before_the_catalogues() -> None:
    kind = events.ACCOUNT_RECONNECT_REQUIRED
    event = events.status_event(_ACCOUNT, kind, 5, _NOW, code="sign_in_again", link="https://x/")
    assert event.envelope["link"] == "https://x/"


def test_a_status_event_without_a_code_is_about_the_account_alone() -> None:
    event = events.status_event(_ACCOUNT, events.ACCOUNT_CONNECTED, 1, _NOW)
    assert list(event.envelope) == ["account"]


def test_i2_the_same_change_of_status_has_the_same_id() -> None:
    def made(version: int) -> str:
        return events.status_event(_ACCOUNT, events.ACCOUNT_BLOCKED, version, _NOW).webhook_id

    assert made(5) == made(5)
    assert made(5) != made(6)


def test_ready_is_told_once_a_folder_and_generation() -> None:
    def made(folder: str, account: Account = _ACCOUNT) -> Event:
        return events.mailbox_ready(account, folder, {"found": 2, "sent": 1, "left_out": 1}, _NOW)

    assert made("INBOX").webhook_id == made("INBOX").webhook_id
    assert made("INBOX").webhook_id != made("Archive").webhook_id
    assert made("INBOX").envelope["left_out"] == 1


def test_t39_a_disconnected_account_is_named_without_its_address() -> None:
    event = events.disconnected(replace(_ACCOUNT, endpoints=("ep_a",)), "system", _NOW)
    assert event.envelope == {"account": {"id": _ACCOUNT.id, "reference": "customer-7"}}
    assert event.webhook_id.startswith("msg_system_")
    assert event.endpoints == {"ep_a": Delivery(next=_NOW)}
