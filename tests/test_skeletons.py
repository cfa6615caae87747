"""Mails without their content: what a server lists of them becomes a mail with empty parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import mail
from shared.skeletons import Leaf, skeleton

_HEADER = b"Subject: Films\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n"


def leaf(kind: bytes, subtype: bytes, size: int, *extended: Any, **options: Any) -> Any:
    encoding = options.get("encoding", b"7BIT")
    return (kind, subtype, options.get("fields"), None, None, encoding, size, *extended)


_TEXT = leaf(b"TEXT", b"PLAIN", 100, 3, None, None, None, None)
_HTML = leaf(b"TEXT", b"HTML", 200, 3, None, None, None, None)
_BOTH = ([_TEXT, _HTML], b"ALTERNATIVE", (b"BOUNDARY", b"inner"), None, None, None)
_FILE = leaf(
    *(b"VIDEO", b"MP4", 7800, None),
    (b"ATTACHMENT", (b"FILENAME*", b"utf-8''K%C3%B6ln.mp4")),
    encoding=b"BASE64",
)


def files(structure: Any, header: bytes = _HEADER) -> list[tuple[str, str | None, str]]:
    raw, _ = skeleton(header, structure)
    found = mail.to_event(mail.parse(raw), body_limit=100)["attachments"]
    return [(one["id"], one["filename"], one["content_type"]) for one in found]


def sizes(structure: Any, header: bytes = _HEADER) -> dict[str, int]:
    return {name: one.size for name, one in skeleton(header, structure)[1].items()}


def test_parts_keep_their_numbers_names_and_sizes() -> None:
    structure = ([_BOTH, _FILE], b"MIXED", (b"BOUNDARY", b"outer"), None, None, None)
    assert files(structure) == [("2", "Köln.mp4", "video/mp4")]
    assert sizes(structure) == {"1.1": 100, "1.2": 200, "2": 5700}


def test_a_part_says_how_it_is_sent_and_whether_it_is_the_text() -> None:
    attached = leaf(b"TEXT", b"PLAIN", 9, 1, None, (b"ATTACHMENT", None))
    leaves = skeleton(_HEADER, ([_BOTH, _FILE, attached], b"MIXED", None))[1]
    assert [name for name, one in leaves.items() if one.is_body] == ["1.1", "1.2"]
    assert leaves["2"] == Leaf(5700, 7800, "base64", is_body=False)


def test_texts_that_were_fetched_are_filled_in() -> None:
    html = leaf(b"TEXT", b"HTML", 9, 1, encoding=b"BASE64")
    both = ([_TEXT, html], b"ALTERNATIVE", (b"BOUNDARY", b"inner"))
    structure = ([both, _FILE], b"MIXED", (b"BOUNDARY", b"outer"))
    raw, _ = skeleton(_HEADER, structure, {"1.1": b"Hello", "1.2": b"PGI+SGVsbG88L2I+"})
    parsed = mail.parse(raw)
    assert (parsed.text, parsed.html) == ("Hello", "<b>Hello</b>")
    assert [one.filename for one in parsed.attachments] == ["Köln.mp4"]


def test_a_mail_that_is_one_text_is_filled_in() -> None:
    assert mail.parse(skeleton(b"Subject: x\r\n\r\n", _TEXT, {"1": b"Hello"})[0]).text == "Hello"


def test_a_mail_that_is_one_file_is_that_file() -> None:
    header = b"Subject: x\r\nContent-Type: video/mp4; name=a.mp4\r\n\r\n"
    assert files(_FILE, header) == [("1", "a.mp4", "video/mp4")]


def test_without_a_structure_there_is_the_header() -> None:
    assert files(None) == []
    assert mail.parse(skeleton(_HEADER, None)[0]).subject == "Films"


def test_a_value_begins_no_header() -> None:
    part = leaf(b"VIDEO", b"MP4", 1, fields=(b"NAME", b"a\r\nSubject: b"))
    structure = ([part], b"MIXED", (b"BOUNDARY", b"outer"), None)
    assert b"\r\nSubject: b" not in skeleton(_HEADER, structure)[0]


def test_thousands_of_levels_are_cut() -> None:
    structure: Any = _TEXT
    for _ in range(5000):
        structure = ([structure], b"MIXED", (b"BOUNDARY", b"b"), None)
    assert len(skeleton(_HEADER, structure)[0]) < 10_000


_anything = st.recursive(
    st.none() | st.binary(max_size=9) | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=9).map(tuple) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@given(_anything)
def test_no_structure_makes_it_fail(structure: Any) -> None:
    raw, leaves = skeleton(_HEADER, structure)
    assert raw.startswith(b"Subject: Films") and all(one.size >= 0 for one in leaves.values())


@pytest.mark.parametrize("header", [b"", b"\r\n", b"\xff"])
def test_no_header_makes_it_fail(header: bytes) -> None:
    assert sizes(_TEXT, header) == {"1": 100}
