"""Paging: a number of items, and a place in one word."""

import base64

import pytest

from shared import pages_of
from shared.errors import Rejected


@pytest.mark.parametrize(("value", "found"), [("", 50), ("1", 1), ("200", 200)])
def test_a_limit_is_what_was_asked_for(value: str, found: int) -> None:
    assert pages_of.limit(value) == found


@pytest.mark.parametrize("value", ["0", "201", "-1", "1.5", "x", "٣", " 5", "5\n", "1" * 5000])
def test_a_bad_limit_is_named(value: str) -> None:
    with pytest.raises(Rejected) as caught:
        pages_of.limit(value)
    assert (caught.value.code, caught.value.detail) == ("field_invalid", "limit")


@pytest.mark.parametrize("place", [("acc_a", "dead:000000000007"), ("acc_a", ""), ("", "")])
def test_a_cursor_is_one_word_and_gives_its_place_back(place: tuple[str, str]) -> None:
    word = pages_of.cursor(*place)
    assert all(sign.isalnum() or sign in "-_" for sign in word)
    assert pages_of.place(word) == place


def test_a_cursor_of_one_part_has_no_second() -> None:
    assert pages_of.place(pages_of.cursor("acc_a")) == ("acc_a", "")


def test_no_cursor_is_the_beginning() -> None:
    assert pages_of.place("") == ("", "")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    "value",
    [
        *("!", "a", "é", "a b", "A" * 5001),
        *(encoded(b"\xff\xfe"), encoded(b"acc\x00|x"), encoded(b"acc|a/b"), encoded(b"acc|a#b")),
        *(encoded(b"acc|a?b"), encoded(b"acc|a\\b"), encoded(b"' or 1 eq 1"), encoded(b"a|b\n")),
    ],
)
@pytest.mark.parametrize("name", ["cursor", "next"])
def test_a_bad_cursor_is_named(value: str, name: str) -> None:
    with pytest.raises(Rejected) as caught:
        pages_of.place(value, name)
    assert (caught.value.code, caught.value.detail) == ("field_invalid", name)
