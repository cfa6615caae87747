"""Hostile and broken mail on the running host: each becomes an event, and so does the next one."""

import json
from typing import Any

import pytest

from tests import bombs
from tests.lab.lab import Lab
from tests.lab.mails import made_up

_BOMBS = (
    "40 kB of quotes in To",
    "2,000 nested comments",
    "10,000 levels",
    "100,000 parts",
    "100,000 headers",
)


def events(lab: Lab, address: str, *raws: bytes) -> list[dict[str, Any]]:
    """What the mails become, in their order; each has to arrive verified."""
    lab.connect(address)
    lab.mail(address, *raws)
    came = lab.receiver.wait_for(len(raws), address, seconds=40)
    assert all(one["verified"] for one in came)
    return sorted((one["body"]["data"] for one in came), key=lambda one: int(one["uid"]))


@pytest.mark.parametrize("name", _BOMBS)
def test_t26_a_bomb_is_told_of_and_the_next_mail_is_processed(
    lab: Lab, address: str, name: str
) -> None:
    _, after = events(lab, address, bombs.BOMBS[name](), made_up(address, "The next one"))
    assert after["subject"] == "The next one"


def test_t28_a_name_that_climbs_or_turns_around_arrives_harmless(lab: Lab, address: str) -> None:
    raw = (
        b"Subject: names\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment;"
        b' filename="../../etc/pass\x00wd"\r\n\r\nx\r\n--b\r\nContent-Type: text/plain\r\n'
        b"Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEfdp.exe%0D%0Ab\r\n\r\nx\r\n"
        b"--b--\r\n"
    )
    (event,) = events(lab, address, raw)
    names = [str(one["filename"]) for one in event["attachments"]]
    assert len(names) == 2
    assert not [name for name in names if set(name) & set("/\\\r\n\x00\u202e")]


def test_f24_f25_f26_what_is_broken_arrives_as_valid_json(lab: Lab, address: str) -> None:
    broken = (
        b"Subject: NUL \x00 and \xff\xfe\r\n\r\nbad \xc3\x28 \xed\xa0\x80 \x00 text\r\n",
        b"\r\n",
        b"Content-Type: text/plain; charset=no-such\r\nSubject: charset\r\n\r\n\xe9t\xe9\r\n",
    )
    nul, empty, charset = events(lab, address, *broken)
    assert "\x00" not in json.dumps([nul, charset], ensure_ascii=False)
    assert (empty["from"], empty["date"], empty["message_id"]) == ([], None, None)
    assert empty["received_at"]
    assert "charset_unknown" in charset["issues"]
