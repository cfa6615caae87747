"""Mails without their content: what a server lists of them becomes a mail with empty parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import mail
from shared.skeletons import skeleton

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


def test_parts_keep_their_numbers_names_and_sizes() -> None:
    structure = ([_BOTH, _FILE], b"MIXED", (b"BOUNDARY", b"outer"), None, None, None)
    assert files(structure) == [("2", "Köln.mp4", "video/mp4")]
    assert skeleton(_HEADER, structure)[1] == {"1.1": 100, "1.2": 200, "2": 5700}


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
    raw, sizes = skeleton(_HEADER, structure)
    assert raw.startswith(b"Subject: Films") and all(size >= 0 for size in sizes.values())


@pytest.mark.parametrize("header", [b"", b"\r\n", b"\xff"])
def test_no_header_makes_it_fail(header: bytes) -> None:
    assert skeleton(header, _TEXT)[1] == {"1": 100}
