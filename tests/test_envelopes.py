"""ENVELOPE to fields: decoded as in events, and never a failure."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from imapclient.response_types import Address, Envelope

from shared.envelopes import fields


def envelope(**known: Any) -> Envelope:
    names = ("date", "subject", "from_", "sender", "reply_to", "to", "cc", "bcc")
    return Envelope(**dict.fromkeys((*names, "in_reply_to", "message_id")) | known)


def person(name: Any, mailbox: Any, host: Any) -> Address:
    return Address(name, None, mailbox, host)


def test_fields_are_decoded_as_those_of_events() -> None:
    found = fields(
        envelope(
            date=datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1))),
            subject=b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
            from_=(person(b"=?utf-8?q?J=C3=B6rg?=", b"jorg", b"sender.example"),),
            to=(person(None, b"ada", b"outlook.example"), person(None, b"root", b"")),
            in_reply_to=b"<1@sender.example>",
            message_id=b"<2@sender.example>",
        )
    )
    assert found == {
        "message_id": "2@sender.example",
        "in_reply_to": "1@sender.example",
        "subject": "Grüße",
        "from": [{"name": "Jörg", "address": "jorg@sender.example"}],
        "to": [
            {"name": None, "address": "ada@outlook.example"},
            {"name": None, "address": "root"},
        ],
        "cc": [],
        "date": "2026-01-31T12:00:00Z",
    }


def test_the_ends_of_a_group_are_nobody() -> None:
    group = (person(None, b"friends", None), person(b"Ada", b"a", b"b"), person(None, None, None))
    assert fields(envelope(cc=group))["cc"] == [{"name": "Ada", "address": "a@b"}]


@pytest.mark.parametrize("one", [None, envelope()])
def test_what_is_not_said_is_null(one: Any) -> None:
    found = fields(one)
    assert {name: value for name, value in found.items() if value} == {}
    assert found["from"] == [] and found["subject"] is None


@pytest.mark.parametrize(
    ("date", "said"),
    [
        (datetime(2026, 1, 31, 12), "2026-01-31T12:00:00Z"),  # noqa: DTZ001 - as the library has it
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), None),
        (datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC), "2026-01-31T12:00:00Z"),
    ],
)
def test_a_date_is_utc_or_none(date: datetime, said: str | None) -> None:
    assert fields(envelope(date=date))["date"] == said


def test_what_looks_like_a_number_is_a_text() -> None:
    found = fields(envelope(subject=4711, from_=(person(7, 42, b"b"),)))
    assert (found["subject"], found["from"]) == ("4711", [{"name": "7", "address": "42@b"}])
