"""The structure of messages: parts, numbers, and boundaries that are not as they should be."""

import pytest

from shared import mime_parts


def parts(text: str) -> list[tuple[str, str, bytes]]:
    """Number, type and body of each leaf."""
    raw = text.replace("\n", "\r\n").encode()
    found = mime_parts.read(raw)
    return [(one.number, one.type.value, raw[one.start : one.end]) for one in found.leaves]


def issues(text: str) -> list[str]:
    return list(mime_parts.read(text.replace("\n", "\r\n").encode()).issues)


def bodies(text: str) -> list[bytes]:
    return [body for _, _, body in parts(text)]


MIXED = "Content-Type: multipart/mixed; boundary=b\n\n"


def test_a_mail_without_parts_is_one() -> None:
    assert parts("Subject: x\n\nhello") == [("1", "text/plain", b"hello")]


def test_parts_are_numbered_as_imap_does() -> None:
    inner = "Content-Type: multipart/alternative; boundary=c\n\n--c\n\n1\n--c\n\n2\n--c--\n"
    text = f"{MIXED}preamble\n--b\n{inner}--b\nContent-Type: image/png\n\n3\n--b--\nepilogue"
    assert parts(text) == [
        ("1.1", "text/plain", b"1"),
        ("1.2", "text/plain", b"2"),
        ("2", "image/png", b"3"),
    ]


def test_an_attached_message_is_a_leaf() -> None:
    assert parts(f"{MIXED}--b\nContent-Type: message/rfc822\n\nSubject: y\n\nz\n--b--") == [
        ("1", "message/rfc822", b"Subject: y\r\n\r\nz")
    ]


def test_a_digest_holds_messages() -> None:
    text = "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nz\n--b--"
    assert parts(text)[0][1] == "message/rfc822"


def test_the_outer_delimiter_ends_the_inner_part() -> None:
    inner = "Content-Type: multipart/mixed; boundary=c\n\n--c\n\n1\n"
    assert bodies(f"{MIXED}--b\n{inner}--b\n\n2\n--b--") == [b"1", b"2"]


@pytest.mark.parametrize("line", ["--bb", "--b-1", " --b", "x--b", "--b1--"])
def test_only_a_whole_delimiter_is_one(line: str) -> None:
    assert bodies(f"{MIXED}--b\n\n1\n{line}\n2\n--b--") == [f"1\r\n{line}\r\n2".encode()]


@pytest.mark.parametrize("line", ["--b", "--b  ", "--b said the sender"])
def test_what_follows_a_delimiter_is_passed_over(line: str) -> None:
    assert bodies(f"{MIXED}--b\n\n1\n{line}\n\n2\n--b--") == [b"1", b"2"]


@pytest.mark.parametrize("end", ["", "--b", "--b--"])
def test_the_last_delimiter_may_be_missing_or_at_the_end_of_a_line(end: str) -> None:
    assert bodies(f"{MIXED}--b\n\n1\n--b\n\n2{end}")[0] == b"1"
    assert bodies(f"{MIXED}--b\n\n1{'--b--'}") == [b"1"]


def test_a_boundary_folded_inside_its_quotes_is_found() -> None:
    assert bodies('Content-Type: multipart/mixed; boundary="b\n c"\n\n--b c\n\n1\n--b c--') == [
        b"1"
    ]


@pytest.mark.parametrize("stated", ["", "; boundary=", "; boundary=other"])
def test_a_boundary_that_is_not_stated_is_looked_for(stated: str) -> None:
    text = f"Content-Type: multipart/mixed{stated}\n\n--b\nX: y\n\n1\n--b\nX: y\n\n2\n--b--"
    assert bodies(text) == [b"1", b"2"]
    assert issues(text) == ["boundary_missing"]


def test_a_multipart_without_parts_is_text() -> None:
    text = "Content-Type: multipart/mixed; boundary=b\n\nhello"
    assert parts(text) == [("1", "text/plain", b"hello")]
    assert issues(text) == ["boundary_missing"]


def test_a_type_that_is_none_counts_as_text() -> None:
    assert parts("Content-Type: text\n\nx")[0][1] == "text/plain"
    assert parts("Content-Type: \n\nx")[0][1] == "text/plain"


def test_t26_parts_beyond_the_limit_are_left_out() -> None:
    text = MIXED + "--b\n\nx\n" * 600
    assert len(parts(text)) == mime_parts.MAX_PARTS - 1
    assert issues(text) == ["too_many_parts"]


def test_t26_levels_beyond_the_limit_are_left_out() -> None:
    text = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n\nx\n--b{n}\n" for n in range(40)
    )
    assert len(parts(text)) == mime_parts.MAX_DEPTH
    assert issues(text) == ["too_deep"]
