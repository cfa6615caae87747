"""A mail as the event says it: every field, the limits, and the promise that nothing raises."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import mail
from tests import bombs

KEYS = (
    *("message_id", "thread_id", "in_reply_to", "subject", "from", "sender", "reply_to", "to"),
    *("cc", "bcc", "date", "text", "html", "reply_text", "truncated", "attachments"),
    *("auto_submitted", "list_id", "bounce", "issues"),
)
GOOD = b"Subject: the next one\r\n\r\nhello\r\n"


def event(raw: bytes | str, body_limit: int = 64 * 1024) -> dict[str, Any]:
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    return mail.to_event(mail.parse(data), body_limit=body_limit)


def as_json(raw: bytes) -> str:
    """The event as UTF-8 JSON; raises where it would be none."""
    return json.dumps(event(raw), ensure_ascii=False, allow_nan=False).encode("utf-8").decode()


def test_the_fields_are_those_of_the_event_in_its_order() -> None:
    assert tuple(event(GOOD)) == KEYS


def test_a_whole_mail_is_read() -> None:
    found = event(
        "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\n"
        "Sender: office@example.com\n"
        "Reply-To: Answers <answers@example.com>\n"
        "To: ann@example.com, Bob <bob@example.com>\n"
        "Subject: Re: Angebot\n"
        "Date: Wed, 31 Jan 2024 13:00:00 +0100\n"
        "Message-ID: <3@example.com>\n"
        "In-Reply-To: <2@example.com>\n"
        "References: <1@example.com> <2@example.com>\n"
        "List-Id: Our list <list.example.com>\n"
        "Auto-Submitted: auto-replied; owner=x\n"
        "\n"
        "Yes.\n\nOn Tue, 30 Jan 2024 Ann wrote:\n> Really?\n"
    )
    assert found["from"] == [{"name": "Jürgen", "address": "j@example.com"}]
    assert found["sender"] == [{"name": None, "address": "office@example.com"}]
    assert found["reply_to"] == [{"name": "Answers", "address": "answers@example.com"}]
    assert [person["address"] for person in found["to"]] == ["ann@example.com", "bob@example.com"]
    assert found["date"] == "2024-01-31T12:00:00Z"
    assert (found["message_id"], found["in_reply_to"]) == ("3@example.com", "2@example.com")
    assert found["thread_id"] == "1@example.com"
    assert (found["list_id"], found["auto_submitted"]) == ("list.example.com", "auto-replied")
    assert found["reply_text"] == "Yes."
    assert found["text"].startswith("Yes.\n\nOn Tue")
    assert found["issues"] == []


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ("Message-ID: <3@x>\nIn-Reply-To: <2@x>\nReferences: <1@x>", "1@x"),
        ("Message-ID: <3@x>\nIn-Reply-To: <2@x>", "2@x"),
        ("Message-ID: <3@x>", "3@x"),
        ("Subject: none", None),
    ],
)
def test_a_thread_is_named_by_its_first_mail(fields: str, thread: str | None) -> None:
    assert event(f"{fields}\n\nhello")["thread_id"] == thread


def test_text_and_html_are_cut_at_a_character() -> None:
    found = event("Content-Type: text/plain; charset=utf-8\n\näöü", body_limit=5)
    assert (found["text"], found["truncated"]) == ("äö", True)
    assert event("Content-Type: text/html\n\n<b>abc", body_limit=3)["html"] == "<b>"


def test_a_mail_within_the_limit_is_not_truncated() -> None:
    found = event("Content-Type: text/plain; charset=utf-8\n\näöü", body_limit=6)
    assert (found["text"], found["truncated"]) == ("äöü", False)


def test_text_is_made_from_html_where_there_is_none_and_marked() -> None:
    found = event("Content-Type: text/html\n\n<p>Hello <b>Ann</b>,</p><p>yes.</p>")
    assert found["text"] == "Hello Ann,\n\nyes."
    assert found["issues"] == ["text_from_html"]


def test_a_field_that_stands_twice_is_read_once_but_people_are_collected() -> None:
    found = event("Subject: one\nSubject: two\nTo: a@x\nTo: b@x\n\n")
    assert found["subject"] == "one"
    assert [person["address"] for person in found["to"]] == ["a@x", "b@x"]


def test_the_text_of_an_attached_mail_stays_out_of_the_body() -> None:
    found = event(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nmine\n--b\n"
        "Content-Type: message/rfc822\n\nSubject: inner\n\ntheirs\n--b--\n"
    )
    assert found["text"] == "mine"
    assert [item["content_type"] for item in found["attachments"]] == ["message/rfc822"]


def test_an_attachment_is_described() -> None:
    (found,) = event(
        "Content-Type: image/png\nContent-Transfer-Encoding: base64\n"
        "Content-ID: <logo@x>\nContent-Disposition: inline; filename=logo.png\n\nAAEC\n"
    )["attachments"]
    assert found == {
        "id": "1",
        "filename": "logo.png",
        "content_type": "image/png",
        "size": 3,
        "content_id": "logo@x",
        "inline": True,
        "url": None,
    }


def test_the_bytes_of_what_is_attached_are_at_hand() -> None:
    read = mail.parse(b"\r\nSee:\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n")
    assert [(item.id, item.data) for item in mail.attachments(read)] == [("uu1", b"abc")]


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_t26_a_bomb_is_read_in_part_and_the_next_mail_is_read(name: str) -> None:
    found = event(bombs.BOMBS[name]())
    assert len(found["attachments"]) <= 500
    assert len(found["to"]) <= 1000
    assert event(GOOD)["text"] == "hello\n"


@pytest.mark.parametrize(
    ("name", "issue"),
    [
        ("1,000 levels", "too_deep"),
        ("10,000 levels", "too_deep"),
        ("1 MB header", "header_too_long"),
        ("32,000 addresses", "too_many_addresses"),
        ("100,000 parts", "too_many_parts"),
        ("100,000 headers", "header_too_long"),
        ("RFC 2231 in 50,000 segments", "too_many_parameters"),
        ("16 MB of flowed text", "text_cut"),
    ],
)
def test_t26_what_was_left_out_is_named(name: str, issue: str) -> None:
    assert issue in event(bombs.BOMBS[name]())["issues"]


def test_t26_what_stands_before_the_limit_is_kept() -> None:
    assert len(mail.parse(bombs.parts_100_000()).text or "") > 400
    assert len(event(bombs.addresses_32_000())["to"]) == 1000


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("../../etc/passwd", "passwd"),
        (r"..\\..\\boot.ini", "boot.ini"),
        (r"C:\TEMP\a.png", "a.png"),
        ("a=00b.exe", "a\ufffdb.exe"),
        ("a=0D=0ABcc: x.txt", "a Bcc: x.txt"),
        ("invoice=E2=80=AEfdp.exe", "invoicefdp.exe"),
        ("..", None),
    ],
)
def test_t28_attachment_names_are_safe(sent: str, name: str | None) -> None:
    word = f"=?utf-8?q?{sent.replace(' ', '_')}?=" if "=" in sent else sent
    (found,) = event(
        f'Content-Type: application/pdf\nContent-Disposition: attachment; filename="{word}"\n\nx'
    )["attachments"]
    assert found["filename"] == name


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Content-Type: text/plain; charset=utf-8\n\na\x00b", "a\ufffdb"),
        (b"Content-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9fe \xff", "grüße \ufffd"),
        (b"Content-Type: text/plain; charset=utf-7\n\n+2AA-", "\ufffd"),
        (b"Content-Type: text/plain; charset=utf-7\n\n+2D3eAA-", "😀"),
    ],
)
def test_f24_what_is_no_text_becomes_u_fffd(raw: bytes, text: str) -> None:
    found = event(raw)
    assert found["text"] == text
    json.dumps(found, ensure_ascii=False).encode("utf-8")


def test_f24_a_header_too() -> None:
    assert event(b"Subject: =?utf-16be?b?2AA=?= =?utf-8?q?=00?=\n\n")["subject"] == "\ufffd\ufffd"


def test_f25_a_mail_without_its_fields_has_nulls() -> None:
    found = event(b"X-Nothing: here\n\nhello")
    assert {key: found[key] for key in ("message_id", "subject", "date", "thread_id")} == {
        "message_id": None,
        "subject": None,
        "date": None,
        "thread_id": None,
    }
    assert found["from"] == found["to"] == []
    assert found["text"] == "hello"


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n\r\n", b" ", b"\xef\xbb\xbf", b":", b"\x00"])
def test_f25_an_empty_mail_is_an_event(raw: bytes) -> None:
    assert tuple(event(raw)) == KEYS
    assert event(raw)["attachments"] == []


@pytest.mark.parametrize(
    ("fields", "body", "text", "issue"),
    [
        ("Content-Type: text/plain; charset=utf-8", b"gr\xfc\xdfe", "grüße", "charset_wrong"),
        ("Content-Type: text/plain; charset=ascii", b"gr\xc3\xbcn", "grün", None),
        ("Content-Type: text/plain; charset=x-none", b"gr\xc3\xbcn", "grün", "charset_unknown"),
        ("Content-Transfer-Encoding: base64", b"not encoded, no!", "not encoded, no!", None),
        ("Content-Transfer-Encoding: 9bit", b"hello", "hello", "encoding_unknown"),
    ],
)
def test_f26_wrong_labels_are_read_as_well_as_can_be(
    fields: str, body: bytes, text: str, issue: str | None
) -> None:
    found = event(fields.encode() + b"\n\n" + body)
    assert found["text"] == text
    assert found["issues"] == ([issue] if issue else found["issues"])


def test_f26_a_uuencoded_file_is_an_attachment_and_not_text() -> None:
    found = event("Subject: x\n\nSee:\nbegin 644 a.txt\n#86)C\n`\nend\nBye\n")
    assert found["text"] == "See:\nBye\n"
    assert [(item["id"], item["filename"], item["size"]) for item in found["attachments"]] == [
        ("uu1", "a.txt", 3)
    ]
    assert found["issues"] == ["uuencoded"]


def test_f26_winmail_dat_is_an_attachment_and_named() -> None:
    found = event("Content-Type: application/ms-tnef; name=winmail.dat\n\nx")
    assert [item["filename"] for item in found["attachments"]] == ["winmail.dat"]
    assert found["issues"] == ["winmail_dat"]


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
PIECES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b"\n\n", b"--b", b"--b--", b"--b\n", b" ", b"\t", b";", b":", b'"', b"("),
        *(b"Content-Type: multipart/mixed; boundary=b\n\n", b"Content-Type: message/rfc822\n\n"),
        *(b"Content-Type: text/html; charset=gbk\n\n", b"Content-Type: multipart/report\n"),
        *(b"Content-Type: message/delivery-status\n\n", b"Final-Recipient: rfc822;a@b\n"),
        *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n"),
        *(b"Content-Disposition: attachment; filename*0*=utf-8''%", b"Subject: =?utf-8?q?=C3?="),
        *(b"To: a <b@c>, g:", b"Date: Wed, 31 Jan 2024 ", b"begin 644 a\n", b"end\n", b"M1234"),
        *(b"Content-Type: text/plain; format=flowed; delsp=yes\n\n", b"> ", b"<p>", b"<!--"),
        *(b"Subject: Re: x\n", b"Action: failed\n", b"Status: 5.1.1\n", b"\xff", b"\x00", b"=?"),
    ]
)
ANY_BYTES = st.binary(max_size=300) | st.lists(PIECES | st.binary(max_size=8), max_size=25).map(
    b"".join
)


@given(ANY_BYTES)
@settings(max_examples=300)
def test_no_bytes_raise_and_the_result_is_json(raw: bytes) -> None:
    assert "\x00" not in as_json(raw)


@given(st.lists(PIECES, max_size=25).map(b"".join))
@settings(max_examples=200)
def test_lf_and_crlf_give_the_same(raw: bytes) -> None:
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"")
    assert as_json(lines) == as_json(lines.replace(b"\n", b"\r\n"))


@given(WORDS, WORDS, st.integers(0, 2))
@settings(max_examples=100)
def test_an_unknown_header_changes_nothing(subject: str, value: str, place: int) -> None:
    fields = [f"Subject: {subject}", "To: Ann <ann@example.com>"]
    without = event("\n".join([*fields, "", "hello"]))
    fields.insert(place, f"X-Unknown-To-All: {value}")
    assert event("\n".join([*fields, "", "hello"])) == without


@given(st.text(max_size=200), st.integers(0, 400))
@settings(max_examples=100)
def test_a_cut_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    head = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    raw = head + text.encode("utf-8", "replace")
    whole, cut = event(raw, 10_000)["text"], event(raw, limit)["text"]
    assert whole.startswith(cut)
    assert len(cut.encode()) <= limit
    assert event(raw, limit)["truncated"] == (cut != whole)
