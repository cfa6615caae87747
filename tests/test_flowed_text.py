"""format=flowed: RFC 3676."""

import pytest

from shared import flowed_text


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("a \nb\nc", "a b\nc"),
        ("a \nb \n\nc", "a b \n\nc"),
        ("> a \n> b\nc", "> a b\nc"),
        ("> a \n>> b", "> a \n>> b"),
        ("> a \nb", "> a \nb"),
        (" >from\n  b", ">from\n b"),
        ("a \n-- \nAnn", "a \n-- \nAnn"),
        ("", ""),
        ("a\n", "a\n"),
    ],
)
def test_soft_breaks_are_taken_out(sent: str, text: str) -> None:
    assert flowed_text.unwrap(sent, delete_space=False) == text


def test_the_space_goes_where_it_is_no_part_of_the_text() -> None:
    assert flowed_text.unwrap("日 \n本\n", delete_space=True) == "日本\n"
