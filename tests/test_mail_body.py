"""Which parts are text, html and attachments."""

import pytest

from shared import mail_body, mime_parts
from shared.mail_body import Body

ALTERNATIVE = "Content-Type: multipart/alternative; boundary=b\n\n"


def body(text: str) -> tuple[Body, list[str]]:
    raw = text.replace("\n", "\r\n").encode()
    structure = mime_parts.read(raw)
    return mail_body.read(raw, structure), list(structure.issues)


def test_plain_and_html_are_told_apart() -> None:
    found, _ = body(f"{ALTERNATIVE}--b\n\nhello\n--b\nContent-Type: text/html\n\n<p>hello\n--b--")
    assert (found.text, found.html, found.attachments) == ("hello", "<p>hello", ())


def test_several_texts_are_joined() -> None:
    found, _ = body("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--")
    assert found.text == "1\n2"


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Type: text/plain; name=a.txt",
        "Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt",
        "Content-Disposition: attachment",
        "Content-Type: text/calendar",
        "Content-Type: text/x-unknown",
        "Content-Type: application/octet-stream",
        "Content-Type: message/delivery-status",
        "Content-Type: inva/lid",
    ],
)
def test_all_else_is_attached(fields: str) -> None:
    found, _ = body(f"{fields}\n\nx")
    assert (found.text, found.html) == (None, None)
    assert [item.data for item in found.attachments] == [b"x"]


@pytest.mark.parametrize(
    ("fields", "inline"),
    [
        ("Content-Disposition: inline", True),
        ("Content-ID: <a@b>", True),
        ("Content-ID: <a@b>\nContent-Disposition: attachment", False),
        ("X: y", False),
    ],
)
def test_inline_is_what_is_shown_within_the_text(fields: str, inline: bool) -> None:
    found, _ = body(f"Content-Type: image/png\n{fields}\n\nx")
    assert found.attachments[0].inline is inline


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("Content-Type: a/b; name=one\nContent-Disposition: attachment; filename=two", "two"),
        ("Content-Type: a/b; name=one\nContent-Disposition: attachment; filename=", "one"),
        ("Content-Type: a/b; name=one", "one"),
        ("Content-Type: a/b", None),
    ],
)
def test_a_name_is_where_senders_put_it(fields: str, name: str | None) -> None:
    assert body(f"{fields}\n\nx")[0].attachments[0].filename == name


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_text_has_plain_line_ends(ends: str) -> None:
    raw = f"Content-Type: text/plain\r\n\r\na{ends}b".encode()
    assert mail_body.read(raw, mime_parts.read(raw)).text == "a\nb"


def test_flowed_text_is_put_together() -> None:
    assert body("Content-Type: text/plain; format=Flowed\n\na \nb\n")[0].text == "a b\n"


def test_html_may_name_its_charset_itself() -> None:
    raw = b"Content-Type: text/html\r\n\r\n<meta charset=windows-1251>\xef\xf0\xe8\xe2\xe5\xf2"
    found = mail_body.read(raw, mime_parts.read(raw)).html
    assert found is not None and found.endswith("привет")


def test_t26_a_long_text_is_cut() -> None:
    found, issues = body("Content-Type: text/plain\n\n" + "x" * (mail_body.MAX_TEXT_BYTES + 1))
    assert len(found.text or "") == mail_body.MAX_TEXT_BYTES
    assert issues == ["text_cut"]
