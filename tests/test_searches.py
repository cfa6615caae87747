"""Searches: what the server is asked, in ASCII and quoted, and what is asked of its answer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.searches import Search

_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_NAMES = ("from", "to", "subject", "text")
_CRITERIA = re.compile(r'((UN)?SEEN|ALL|(FROM|TO|SUBJECT|TEXT) "([^"\\]|\\["\\])*"| )+')


def mail(**fields: Any) -> dict[str, Any]:
    return {"subject": None, "from": [], "to": [], "cc": [], "text": None, "html": None} | fields


@pytest.mark.parametrize(
    ("search", "criteria"),
    [
        (Search(), "ALL"),
        (Search(unseen=True), "UNSEEN"),
        (Search(unseen=False), "SEEN"),
        (Search(since=_NOON), "SINCE 30-Jan-2026"),
        (Search(before=_NOON), "BEFORE 2-Feb-2026"),
        (
            Search(unseen=True, texts={"from": "Ada", "subject": "two words"}),
            'UNSEEN FROM "Ada" SUBJECT "two words"',
        ),
        (Search(texts={"text": 'a "b" \\c {9}'}), 'TEXT "a \\"b\\" \\\\c {9}"'),
    ],
)
def test_the_server_is_asked(search: Search, criteria: str) -> None:
    assert search.criteria() == criteria


@pytest.mark.parametrize(
    ("value", "criteria"),
    [
        ("Grüße aus Köln", 'SUBJECT "e aus K"'),
        ("Müller", 'SUBJECT "ller"'),
        ("会議のお知らせ", "ALL"),
        ("ß", "ALL"),
    ],
)
def test_of_what_is_not_ascii_the_longest_run_is_asked_for(value: str, criteria: str) -> None:
    assert Search(texts={"subject": value}).criteria() == criteria


@given(st.dictionaries(st.sampled_from(_NAMES), st.text(max_size=60)))
def test_t24_no_value_becomes_a_key_or_a_literal(texts: dict[str, str]) -> None:
    criteria = Search(texts=texts).criteria()
    assert criteria.isascii() and criteria.isprintable()
    assert _CRITERIA.fullmatch(criteria)


@pytest.mark.parametrize("year", [1, 1969, 2026, 2999, 9999])
def test_any_date_is_one_that_servers_take(year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    for found in (Search(since=at).criteria(), Search(before=at).criteria()):
        assert re.fullmatch(r"(SINCE|BEFORE) \d{1,2}-[A-Z][a-z]{2}-(19[67]\d|[2]\d{3})", found)


def test_since_is_included_and_before_is_not() -> None:
    search = Search(since=_NOON, before=_NOON + timedelta(seconds=1))
    assert search.is_within(_NOON)
    assert not search.is_within(_NOON - timedelta(seconds=1))
    assert not search.is_within(_NOON + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("wanted", "subject", "fits"),
    [
        ("grüße", "Viele GRÜSSE", True),
        ("straße", "STRASSE", True),
        ("Gru\u0308n", "das ist grün", True),
        ("grün", "das ist gru\u0308n", True),
        ("grün", "das ist gruen", False),
        ("grün", None, False),
    ],
)
def test_a_subject_is_compared_as_readers_do(wanted: str, subject: str | None, fits: bool) -> None:
    assert Search(texts={"subject": wanted}).fits_envelope(mail(subject=subject)) is fits


def test_people_are_found_by_name_and_address() -> None:
    jorg = {"name": "Jörg", "address": "j@bücher.example"}
    for wanted in ("jörg", "BÜCHER", "Jörg <j@"):
        assert Search(texts={"from": wanted}).fits_envelope(mail(**{"from": [jorg]}))
        assert not Search(texts={"from": wanted}).fits_envelope(mail(to=[jorg]))


def test_what_the_server_could_be_asked_for_is_not_asked_again() -> None:
    """Its way to find things may be another: only what it was not told of is looked at."""
    assert Search(texts={"subject": "plain"}).fits_envelope(mail(subject="else"))


@pytest.mark.parametrize("where", ["subject", "text", "html"])
def test_a_text_may_stand_anywhere_in_the_mail(where: str) -> None:
    search = Search(texts={"text": "grün"})
    assert search.asks_content and not Search(texts={"text": "green"}).asks_content
    assert search.fits_content(mail(**{where: "so GRÜN"}))
    assert not search.fits_content(mail())
