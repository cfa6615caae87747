"""Header blocks: where fields and body begin, and what real mail puts between them."""

import pytest

from shared import header_fields


def read(raw: bytes) -> tuple[dict[str, list[bytes]], bytes, list[str]]:
    """The values without their line ends, the body, the issues."""
    issues: dict[str, None] = {}
    header = header_fields.read(raw, 0, len(raw), issues)
    values = {name: [one.strip() for one in found] for name, found in header.values.items()}
    return values, raw[header.body_start :], list(issues)


def test_fields_end_at_the_blank_line() -> None:
    assert read(b"A: 1\r\nB: 2\r\n\r\nbody") == ({"a": [b"1"], "b": [b"2"]}, b"body", [])


def test_a_folded_field_is_one() -> None:
    assert read(b"A: 1\r\n\t2\r\n 3\r\n\r\n")[0] == {"a": [b"1\r\n\t2\r\n 3"]}


def test_a_line_of_white_space_is_a_fold() -> None:
    assert read(b"A: 1\r\n   \r\n 2\r\nB: 3\r\n\r\n")[0]["b"] == [b"3"]


@pytest.mark.parametrize("junk", [b"Just a line", b"=====", b"\xff\xfe"])
def test_junk_among_the_fields_is_passed_over(junk: bytes) -> None:
    values, body, issues = read(b"A: 1\r\n" + junk + b"\r\nB: 2\r\n\r\nbody")
    assert (values, body) == ({"a": [b"1"], "b": [b"2"]}, b"body")
    assert issues == ["header_malformed"]


def test_the_body_begins_at_junk_that_no_field_follows() -> None:
    assert read(b"A: 1\r\nHello,\r\nhow are you?\r\n")[1] == b"Hello,\r\nhow are you?\r\n"


@pytest.mark.parametrize("line", [b"From ann Wed Jan 31", b">From ann Wed Jan 31"])
def test_mbox_lines_are_no_junk(line: bytes) -> None:
    assert read(line + b"\r\nA: 1\r\n\r\n") == ({"a": [b"1"]}, b"", [])


def test_a_space_may_stand_before_the_colon() -> None:
    assert read(b"Subject : x\r\n\r\n")[0] == {"subject": [b"x"]}


def test_the_first_value_is_the_first_that_says_something() -> None:
    header = header_fields.read(b"A:\r\nA: 2\r\n\r\n", 0, 13, {})
    assert header.first("a") == b" 2\r\n"
    assert header.first("b") is None
    assert header.all("b") == []


def test_t26_fields_beyond_the_limit_are_left_out_and_the_body_is_found() -> None:
    values, body, issues = read(b"".join(b"A%d: x\r\n" % n for n in range(1500)) + b"\r\nbody")
    assert len(values) == header_fields.MAX_FIELDS
    assert (body, issues) == (b"body", ["header_too_long"])


def test_t26_a_value_is_cut() -> None:
    values, body, issues = read(b"A: " + b"x" * 100_000 + b"\r\n\r\nbody")
    assert len(values["a"][0]) <= header_fields.MAX_FIELD_BYTES
    assert (body, issues) == (b"body", ["header_too_long"])
