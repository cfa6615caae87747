"""What may be said of a mail to send, and which field is named where it may not."""

import base64
from typing import Any

import pytest

from shared import send_forms
from shared.addresses import Person
from tests.refusals import refused

_TO = "to@receiver.example"
_FILE = {"filename": "a.txt", "content_base64": base64.b64encode(b"a").decode()}


def body(**fields: Any) -> dict[str, Any]:
    return {"to": [_TO], "subject": "Hello"} | fields


def test_people_are_addresses_or_what_events_have() -> None:
    people = [_TO, {"name": "Ada", "address": "a@x.example"}, {"name": None, "address": "b@x.de"}]
    draft = send_forms.read(body(to=people)).draft
    assert draft.to == (Person("", _TO), Person("Ada", "a@x.example"), Person("", "b@x.de"))


def test_an_international_domain_is_written_in_ascii() -> None:
    assert send_forms.address("to", "a@köln.example") == "a@xn--kln-sna.example"


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@", "@b.example", "a b@c.example", "a@b@c.example", "a@b.example."),
        *("Ada <a@b.example>", "<a@b.example>", "a@b.example,c@d.example", "a@-b.example"),
        *('"a b"@c.example', "a(c)@b.example", "ä@b.example", "a@[127.0.0.1]", "a@b..\x7f"),
        *("a@b.example\r\nBcc: c@d.example", "a@b.example\n", "\0a@b.example", "a\u2028@b.example"),
        *(None, 1, [], {}, {"name": "Ada"}, {"address": _TO, "more": 1}),
    ],
)
def test_t22_what_is_no_address_is_named(address: Any) -> None:
    for name in ("to", "cc", "bcc", "reply_to"):
        assert refused(lambda name=name: send_forms.read(body(**{name: [_TO, address]}))) == (  # type: ignore[misc]
            *("field_invalid", f"{name}.1"),
            400,
        )
    assert refused(lambda: send_forms.read(body(**{"from": address})))[1] == "from"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"to": []}, "to"),
        ({"to": _TO}, "to"),
        ({"to": [f"{n}@x.example" for n in range(501)]}, "to"),
        ({"cc": [f"{n}@x.example" for n in range(500)]}, "to"),
        ({"subject": None}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"text": 1}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"html": "\x1b[31m"}, "html"),
        ({"attachments": {}}, "attachments"),
        ({"attachments": [_FILE] * 101}, "attachments"),
        ({"attachments": [1]}, "attachments.0"),
        ({"attachments": [_FILE, _FILE | {"inline": True}]}, "attachments.1.inline"),
        ({"attachments": [_FILE | {"filename": ""}]}, "attachments.0.filename"),
        ({"attachments": [_FILE | {"filename": "a\r\nb"}]}, "attachments.0.filename"),
        ({"attachments": [_FILE | {"content_type": "text"}]}, "attachments.0.content_type"),
        ({"attachments": [_FILE | {"content_type": "multipart/mixed"}]}, "attachments.0.content_"),
        ({"attachments": [_FILE | {"content_type": "message/rfc822"}]}, "attachments.0.content_"),
        ({"attachments": [_FILE | {"content_type": "a/b\r\nX: y"}]}, "attachments.0.content_"),
        ({"attachments": [_FILE | {"content_base64": "?"}]}, "attachments.0.content_base64"),
        ({"attachments": [_FILE | {"content_base64": "ä"}]}, "attachments.0.content_base64"),
        ({"attachments": [{"filename": "a"}]}, "attachments.0.content_base64"),
        ({"headers": []}, "headers"),
        ({"headers": {f"X-{n}": "" for n in range(51)}}, "headers"),
        ({"headers": {"X Y": "1"}}, "headers"),
        ({"headers": {"X:": "1"}}, "headers"),
        ({"headers": {"X-Y": "a\nb"}}, "headers.X-Y"),
        ({"headers": {"X-Y": 1}}, "headers.X-Y"),
        ({"headers": {"Bcc": _TO}}, "headers.Bcc"),
        ({"headers": {"sender": _TO}}, "headers.sender"),
        ({"headers": {"Content-Type": "a/b"}}, "headers.Content-Type"),
        ({"headers": {"Resent-To": _TO}}, "headers.Resent-To"),
        ({"headers": {"DKIM-Signature": "x"}}, "headers.DKIM-Signature"),
        ({"in_reply_to": "x"}, "in_reply_to"),
        ({"in_reply_to": "<a@b> <c@d>"}, "in_reply_to"),
        ({"in_reply_to": "<a@b>", "in_reply_to_uid": 1}, "in_reply_to"),
        ({"in_reply_to_uid": 0}, "in_reply_to_uid"),
        ({"in_reply_to_uid": True}, "in_reply_to_uid"),
        ({"in_reply_to_uid": 2**32}, "in_reply_to_uid"),
        ({"in_reply_to_uid": 1, "folder": "a*"}, "folder"),
        ({"in_reply_to_uid": 1, "uid_validity": "1"}, "uid_validity"),
        ({"folder": "INBOX"}, "folder"),
        ({"uid_validity": 1}, "uid_validity"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], named: str) -> None:
    code, detail, status = refused(lambda: send_forms.read(body(**fields)))
    assert (code, status) == ("field_invalid", 400)
    assert detail == named or (named.endswith("_") and detail.startswith(named))


@pytest.mark.parametrize("body", [None, [], "x", {"to": [_TO]}])
def test_what_is_no_mail_is_refused(body: Any) -> None:
    assert refused(lambda: send_forms.read(body))[1] in {"body", "subject"}


def test_a_reply_by_uid_needs_no_subject() -> None:
    wanted = send_forms.read({"to": [_TO], "in_reply_to_uid": 7})
    assert wanted.subject is None
    assert wanted.original == send_forms.Original("", 7, "INBOX", 0)


def test_25_mib_are_taken_and_no_more() -> None:
    most = send_forms.MAX_CONTENT_BYTES
    for size, taken in ((most, True), (most + 1, False)):
        file = _FILE | {"content_base64": base64.b64encode(bytes(size)).decode()}
        if taken:
            assert send_forms.read(body(attachments=[file])).draft.attachments
        else:
            found = refused(lambda file=file: send_forms.read(body(attachments=[file])))  # type: ignore[misc]
            assert found[1] == "attachments"


@pytest.mark.parametrize(
    ("name", "sent"),
    [("../../etc/passwd", "passwd"), ("C:\\a.txt", "a.txt"), ("a\u202etxt.exe", "atxt.exe")],
)
def test_t28_a_file_name_is_a_base_name(name: str, sent: str) -> None:
    draft = send_forms.read(body(attachments=[_FILE | {"filename": name}])).draft
    assert draft.attachments[0].filename == sent


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 256, "ä", "a\n"])
def test_an_idempotency_key_is_one_word_of_ascii(key: str) -> None:
    assert refused(lambda: send_forms.idempotency_key(key))[1] == "Idempotency-Key"


def test_none_is_no_key() -> None:
    assert send_forms.idempotency_key(None) == ""
    assert send_forms.idempotency_key("order-4711") == "order-4711"
