"""Rows of the outbox: what they hold, sealed and cut, and what they give back."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instants, outbox_rows
from shared.errors import OperatorFault
from shared.outbox_rows import Cursor, Delivery, Event, State
from shared.tables import Row
from shared.vault import Vault

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_SOON, _LATE = "2026-01-31T12:00:05Z", "2026-01-31T12:05:00Z"
_ENVELOPE: dict[str, Any] = {
    "message_id": "<canary@sender.example>",
    "subject": "canary subject",
    "from": [{"name": "Canary", "address": "canary@sender.example"}],
    "to": [],
    "date": "2026-01-31T11:59:00Z",
    "size": 1234,
}
_EVENT = Event(
    webhook_id="msg_a_b",
    type="mail.received",
    recorded_at=instants.text(_NOW),
    envelope=_ENVELOPE,
    endpoints={"ep_settings": Delivery("owed", 2, _SOON, 503)},
    folder="INBOX",
    uidvalidity=7,
    uid=42,
    tries=1,
    sequence=3,
)
_VAULT = Vault((("k1", b"k" * 32),))


def owed(event: Event, account: str = "acc_a") -> dict[str, Any]:
    return outbox_rows.owed_fields(_VAULT, account, event)


def read(fields: dict[str, Any]) -> Event:
    return outbox_rows.event(_VAULT, Row(fields, "etag"))


def with_endpoints(**deliveries: Delivery) -> Event:
    return replace(_EVENT, endpoints=deliveries)


def test_an_event_comes_back_as_it_was_owed() -> None:
    assert read(owed(_EVENT)) == replace(_EVENT, etag="etag")


def test_t11_an_owed_row_tells_nothing_of_the_mail() -> None:
    assert "canary" not in repr(owed(_EVENT)).lower()
    assert "canary" not in repr(_EVENT).lower()


def test_t11_a_done_row_tells_nothing_of_the_mail_and_keeps_what_finds_it_again() -> None:
    fields = outbox_rows.done_fields(_VAULT, "acc_a", _EVENT, _NOW)
    assert "canary" not in repr(fields).lower()
    kept = outbox_rows.event(_VAULT, Row(fields, "etag")).envelope
    assert set(kept) == {"message_id", "date", "received_at", "size"}
    assert fields["RowKey"] == "done:20260131:000000000003"


@pytest.mark.parametrize(
    "moved", [{"PartitionKey": "acc_b"}, {"webhook_id": "msg_a_c"}, {"envelope": b"\x01\x02k1x"}]
)
def test_t11_an_envelope_that_was_moved_or_spoilt_does_not_open(moved: dict[str, Any]) -> None:
    with pytest.raises(OperatorFault, match="sealed_data_damaged"):
        read(owed(_EVENT) | moved)


def test_an_event_is_due_at_the_earliest_of_what_is_owed() -> None:
    event = with_endpoints(
        a=Delivery("owed", 1, _LATE), b=Delivery("owed", 1, _SOON), c=Delivery("done", 1, "2020")
    )
    assert (event.next_at, event.has_dead) == (_SOON, False)


def test_an_event_of_which_nothing_is_owed_is_never_due() -> None:
    event = with_endpoints(a=Delivery("done", 1, _SOON), b=Delivery("dead", 10, _SOON))
    assert (event.next_at, event.has_dead) == (instants.NEVER, True)


def test_the_columns_that_filters_use_say_the_same_as_the_map() -> None:
    fields = owed(_EVENT)
    assert (fields["next_at"], fields["has_dead"], fields["uid"]) == (_SOON, False, 42)


def test_a_mail_is_known_again_by_message_id_and_date() -> None:
    moved = replace(_EVENT, uid=99, uidvalidity=8, folder="Archive", webhook_id="msg_a_z")
    assert owed(moved)["hash"] == owed(_EVENT)["hash"]
    for name in ("message_id", "date"):
        other = replace(_EVENT, envelope=_ENVELOPE | {name: "another"})
        assert owed(other)["hash"] != owed(_EVENT)["hash"]


def test_t11_a_hash_can_not_be_looked_up_in_another_account() -> None:
    assert owed(_EVENT, "acc_b")["hash"] != owed(_EVENT)["hash"]


# The envelope's 16 KiB


def test_an_envelope_that_fits_is_not_touched() -> None:
    envelope = _ENVELOPE | {"subject": "x" * 15_000}
    assert read(owed(replace(_EVENT, envelope=envelope))).envelope == envelope


@pytest.mark.parametrize(
    "part",
    [
        {"subject": "x" * 1_000_000},
        {"subject": "😀" * 100_000},
        {"to": [{"name": "n" * 200, "address": "a@b.example"}] * 10_000},
        {"to": [{"name": "名" * 5000, "address": "a" * 5000}] * 500},
        {"message_id": "<" + "m" * 500_000 + ">"},
    ],
)
def test_an_envelope_is_cut_at_16_kib(part: dict[str, Any]) -> None:
    fields = owed(replace(_EVENT, envelope=_ENVELOPE | part))
    assert len(fields["envelope"]) <= 16 * 1024 + 64
    envelope = read(fields).envelope
    assert set(envelope) == set(_ENVELOPE)
    assert envelope["size"] == 1234


_texts = st.text(max_size=3000)
_people = st.lists(st.fixed_dictionaries({"name": _texts, "address": _texts}), max_size=60)


@settings(max_examples=60)
@given(subject=_texts, message_id=_texts, people=_people)
def test_no_envelope_is_too_large(subject: str, message_id: str, people: list[Any]) -> None:
    envelope = {"subject": subject * 9, "message_id": message_id, "to": people, "from": people}
    fields = owed(replace(_EVENT, envelope=envelope))
    assert len(fields["envelope"]) <= 16 * 1024 + 64
    assert set(read(fields).envelope) == set(envelope)


def test_f24_a_lone_surrogate_can_be_kept() -> None:
    event = replace(_EVENT, envelope={"message_id": "a\ud800b", "subject": "\udfff"})
    assert read(owed(event)).envelope == event.envelope
    assert outbox_rows.done_fields(_VAULT, "acc_a", event, _NOW)


# Cursor and state


def test_a_cursor_comes_back_as_it_was_stored() -> None:
    cursor = Cursor("Entwürfe/2026", 7, 42, _SOON, True, True, 40, 39, 38)
    found = outbox_rows.cursor(Row(cursor.fields, "etag"))
    assert found == replace(cursor, etag="etag")


def test_a_state_comes_back_as_it_was_stored() -> None:
    state = State("acc_a", "g1", 7, "writer")
    found = outbox_rows.state(Row(outbox_rows.state_fields(state), "etag"))
    assert found == replace(state, etag="etag")


def test_no_column_is_ever_cleared_by_leaving_it_out() -> None:
    """A merge with None leaves the old value: every field is written, '' and 0 too."""
    for fields in (Cursor("INBOX").fields, outbox_rows.state_fields(State("a", "g")), owed(_EVENT)):
        assert None not in fields.values()
    assert json.loads(owed(_EVENT)["endpoints"]) == {"ep_settings": ["owed", 2, _SOON, 503]}
