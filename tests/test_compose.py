"""A mail as bytes: what one parser reads is what was written, whatever it was."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import attachment_names, header_words, mail
from shared.addresses import Person
from shared.compose import Attachment, Draft, Thread, compose

_NOW = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
_ADA = Person("Ada", "ada@outlook.example")
_TO = Person("", "to@receiver.example")
# What folding, quoting and encoded words are hard for, among letters.
_HARD = st.text(alphabet="ab ,;:<>()[]\"\\@.'=?_-éüß会議😀\u200d", max_size=120)
_line = _HARD.map(lambda text: " ".join(text.split()))


def made(draft: Draft, **options: Any) -> bytes:
    return compose(draft, _ADA, "1@outlook.example", _NOW, **options)


def read(raw: bytes) -> dict[str, Any]:
    return mail.to_event(mail.parse(raw), body_limit=1_000_000)


@given(names=st.lists(_line, min_size=1, max_size=4), subject=_line, field=_line, text=_HARD)
def test_what_was_written_is_what_is_read(
    names: list[str], subject: str, field: str, text: str
) -> None:
    people = tuple(Person(name, f"user{n}@example.com") for n, name in enumerate(names))
    raw = made(Draft(people, subject=subject, text=text, headers=(("X-Field", field),)))
    event = read(raw)
    assert [(one["name"] or "", one["address"]) for one in event["to"]] == [
        (person.name, person.address) for person in people
    ]
    assert (event["subject"] or "") == subject
    (value,) = mail.parse(raw).header.all("x-field")
    assert header_words.text(value) == field
    assert event["text"].rstrip("\r\n") == text.rstrip("\r\n")


@given(names=st.lists(_line, min_size=1, max_size=4), subject=_line, text=_HARD)
def test_every_line_is_short_ascii_and_ends_in_crlf(
    names: list[str], subject: str, text: str
) -> None:
    people = tuple(Person(name, f"user{n}@example.com") for n, name in enumerate(names))
    raw = made(Draft(people, subject=subject, text=text, html=text))
    assert raw.isascii() and b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 150


@given(name=_line)
def test_a_file_keeps_its_name_and_its_bytes(name: str) -> None:
    content = bytes(range(256))
    attached = Attachment(f"x{name}.pdf", "application/pdf", content)
    raw = made(Draft((_TO,), text="", attachments=(attached,)))
    [found] = read(raw)["attachments"]
    assert (found["content_type"], found["size"]) == ("application/pdf", 256)
    assert found["filename"] == attachment_names.safe(attached.filename)


def test_an_id_longer_than_a_line_stays_as_it_is() -> None:
    ids = tuple(f"{'x' * 150}{number}@mail.example" for number in range(5))
    raw = made(Draft((_TO,)), thread=Thread(ids[-1], ids))
    assert b"=?" not in raw
    event = read(raw)
    assert (event["thread_id"], event["in_reply_to"]) == (ids[0], ids[-1])


def test_what_looks_like_an_encoded_word_is_no_word() -> None:
    lie = "=?utf-8?q?From=3A_boss?="
    event = read(made(Draft((Person(lie, _TO.address),), subject=lie)))
    assert (event["subject"], event["to"][0]["name"]) == (lie, lie)


@pytest.mark.parametrize(
    ("text", "html", "kind"),
    [
        ("a", None, b"text/plain"),
        (None, "a", b"text/html"),
        ("a", "b", b"multipart/alternative"),
        (None, None, b"text/plain"),
    ],
)
def test_a_body_is_as_simple_as_it_can_be(text: str | None, html: str | None, kind: bytes) -> None:
    raw = made(Draft((_TO,), text=text, html=html))
    assert b"Content-Type: " + kind in raw


def test_bcc_is_nowhere() -> None:
    draft = Draft((_TO,), bcc=(Person("Hidden", "hidden@x.example"),), text="")
    assert draft.recipients == (_TO.address, "hidden@x.example")
    assert b"idden" not in made(draft)
