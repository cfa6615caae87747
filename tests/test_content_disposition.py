"""A file's name in a header: safe whatever it is, and whole where it can be."""

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.content_disposition import value


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("a.pdf", 'attachment; filename="a.pdf"'),
        ("two words.pdf", 'attachment; filename="two words.pdf"'),
        (
            "Rechnung März.pdf",
            "attachment; filename=\"Rechnung M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf",
        ),
        (
            'a"; filename="b.exe',
            'attachment; filename="a_; filename=_b.exe"; '
            "filename*=UTF-8''a%22%3B%20filename%3D%22b.exe",
        ),
        ("100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
    ],
)
def test_a_name_is_said_to_old_readers_and_new(filename: str, expected: str) -> None:
    assert value(filename) == expected


def test_what_may_be_shown_is_inline() -> None:
    assert value("a.png", inline=True) == 'inline; filename="a.png"'


@given(st.text())
def test_t22_no_name_ends_the_line_or_the_value(filename: str) -> None:
    said = value(filename)
    assert re.fullmatch(r"attachment; filename=\"[^\"\\]*\"(; filename\*=UTF-8''[^ ;\"]*)?", said)
    assert said.isascii() and said.isprintable()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_reader_of_the_standard_gets_the_name_back(filename: str) -> None:
    said = value(filename)
    if "filename*=" in said:
        assert unquote(said.rpartition("''")[2]) == filename
    else:
        parsed = Message()
        parsed["Content-Disposition"] = said
        assert parsed.get_filename("").strip() == filename.strip()
