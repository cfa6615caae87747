"""Mail over the API, as a caller meets it: folders, lists, one mail, and changes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from shared import pages_of
from tests.conftest import StartLab
from tests.lab.imap_proxy import ImapProxy, endless, says
from tests.lab.lab import Lab
from tests.lab.mails import five, with_file
from tests.lab.memory import peak_mb
from tests.lab.scenarios import be_exchange
from tests.mailbox import Mailbox
from tests.refusals import problem

_UNKNOWN = "acc_" + "a" * 26
_MIB = 1024 * 1024


# Folders


def test_folders_are_listed_with_the_names_that_other_routes_take(mailbox: Mailbox) -> None:
    mailbox.put("Hello", folder="Archive")
    mailbox.put("Hello", folder="Entw&APw-rfe")
    listed = {one["name"]: one for one in mailbox.got("folders")["folders"]}
    assert set(listed) == {"INBOX", "Archive", "Entwürfe"}
    assert [name for name, one in listed.items() if one["watched"]] == ["INBOX"]
    assert listed["Archive"]["delimiter"] == "/"
    assert mailbox.subjects(folder="Entwürfe") == ["Hello"]


# Lists


def test_mail_is_listed_newest_first_with_the_fields_of_its_event(mailbox: Mailbox) -> None:
    for raw in five(mailbox.address).values():
        mailbox.lab.mail(mailbox.address, raw)
    events = mailbox.lab.receiver.wait_for(5, mailbox.address)
    told = {one["body"]["data"]["uid"]: one["body"]["data"] for one in events}
    page = mailbox.got("messages")
    assert [one["uid"] for one in page["messages"]] == [5, 4, 3, 2, 1]
    assert (page["folder"], page["cursor"], page["incomplete"]) == ("INBOX", "", False)
    for one in page["messages"]:
        assert one == {name: told[one["uid"]][name] for name in one}


def test_nothing_that_is_read_becomes_seen(mailbox: Mailbox) -> None:
    """I7."""
    mailbox.put("Hello")
    for path in ("messages?text=Hello", "messages/1", "messages/1/raw"):
        assert mailbox.ask(path).status_code == 200
    assert mailbox.lab.dovecot.flags(mailbox.address) == {1: set()}


def test_f22_a_folder_is_gone_through_in_pages(mailbox: Mailbox) -> None:
    mailbox.put(*map(str, range(5)))
    found: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = mailbox.got("messages", limit=2, cursor=cursor)
        found += [one["subject"] for one in page["messages"]]
        cursor, pages = page["cursor"], pages + 1
    assert (found, pages) == (["4", "3", "2", "1", "0"], 3)


def test_mail_is_found_by_what_it_has(mailbox: Mailbox) -> None:
    mailbox.put("old", received_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    mailbox.put("seen", flags=["\\Seen"])
    mailbox.put("two words", 'a "quoted" {9}\\')
    assert mailbox.subjects(unseen="false") == ["seen"]
    assert "seen" not in mailbox.subjects(unseen="true")
    assert mailbox.subjects(before="2026-01-31T12:00:01Z") == ["old"]
    assert mailbox.subjects(before="2026-01-31T12:00:00Z") == []
    assert mailbox.subjects(since="2026-01-31", before="2026-02-01") == ["old"]
    assert "old" not in mailbox.subjects(since="2026-01-31T12:00:01Z")
    assert mailbox.subjects(subject="TWO WORDS") == ["two words"]
    assert mailbox.subjects(subject='a "quoted" {9}\\') == ['a "quoted" {9}\\']
    assert mailbox.subjects(text="two words", from_="tanaka", to=mailbox.address) == ["two words"]
    assert mailbox.subjects(from_="nobody") == []


def test_what_is_not_ascii_is_found_at_a_server_that_answers_badcharset(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    be_exchange(proxy)
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.put("Grüße aus Köln", "Grusse aus Koln", "GRÜSSE AUS KÖLN", "会議のお知らせ")
    assert mailbox.subjects(subject="grüße aus") == ["GRÜSSE AUS KÖLN", "Grüße aus Köln"]
    assert mailbox.subjects(subject="会議") == ["会議のお知らせ"]
    assert mailbox.subjects(text="köln") == ["GRÜSSE AUS KÖLN", "Grüße aus Köln"]
    assert mailbox.subjects(from_="Yüki") == []
    searches = [one for one in proxy.commands if "SEARCH" in one]
    assert searches and all(one.isascii() for one in searches)
    assert not any("BADCHARSET" in line for line in mailbox.lab.host.log().splitlines())


# One mail


def test_a_mail_has_the_fields_of_its_event(mailbox: Mailbox) -> None:
    for raw in five(mailbox.address).values():
        mailbox.lab.mail(mailbox.address, raw)
    for event in mailbox.lab.receiver.wait_for(5, mailbox.address):
        data = event["body"]["data"]
        path = data["url"].partition(f"{mailbox.account_id}/")[2]
        sequence = {"sequence": data["sequence"]}
        assert mailbox.got(path) | sequence == data


def test_the_rest_of_a_mail_that_was_cut_is_behind_its_url(
    start_lab: StartLab, address: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"EVENT_BODY_LIMIT": "10"}, beat_seconds=0.5), address)
    mailbox.put("A subject of some length")
    (event,) = mailbox.lab.receiver.wait_for(1, address)
    data = event["body"]["data"]
    assert (data["truncated"], data["text"]) == (True, "A subject ")
    answer = mailbox.lab.host.api("GET", data["url"].partition("/api/")[2])
    assert (answer.json()["truncated"], answer.json()["text"]) == (
        False,
        "A subject of some length\n",
    )


def test_f23_a_mail_too_large_to_read_has_its_whole_text_and_no_attachment_is_fetched(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    settings = {"MAX_MAIL_BYTES": "1048576", "IMAP_HOST": f"localhost:{proxy.port}"}
    mailbox = Mailbox(start_lab(settings=settings), address)
    mailbox.lab.mail(address, with_file(address, "Grüße\n", "große Datei.bin", b"x" * 1_500_000))
    found = mailbox.got("messages/1")
    assert (found["text"], found["truncated"], found["issues"]) == ("Grüße\n", False, [])
    (file,) = found["attachments"]
    assert (file["id"], file["filename"]) == ("2", "große Datei.bin")
    assert abs(file["size"] - 1_500_000) < 50_000
    fetched = [one for one in proxy.commands if "BODY.PEEK[" in one]
    assert not any("[]" in one or "[2" in one for one in fetched)


# Changes


def test_a_mail_is_flagged_and_unflagged(mailbox: Mailbox) -> None:
    mailbox.put("Hello", "Other")
    for change, flags in (
        ({"seen": True}, {"\\Seen"}),
        ({"seen": False, "flagged": True}, {"\\Flagged"}),
        ({"flagged": False}, set()),
    ):
        answer = mailbox.ask("messages/1", "PATCH", json=change)
        assert (answer.status_code, set(answer.json()["flags"])) == (200, flags)
        assert mailbox.lab.dovecot.flags(mailbox.address) == {1: flags, 2: set()}
    assert answer.json()["uid"] == 1


def test_a_mail_is_moved_and_the_answer_says_where_it_is(mailbox: Mailbox) -> None:
    mailbox.put("Hello")
    mailbox.put("Before", folder="Archive")
    mailbox.got("messages", folder="Archive")
    body = {"move_to": "Archive", "seen": True}
    moved = mailbox.ask("messages/1", "PATCH", json=body).json()
    place = {"folder": moved["folder"], "uid_validity": moved["uid_validity"]}
    assert (moved["folder"], moved["uid"], moved["flags"]) == ("Archive", 2, ["\\Seen"])
    assert mailbox.got("messages/2", **place)["subject"] == "Hello"
    assert problem(mailbox.ask("messages/1")) == (404, "message_unknown", "")


def test_where_a_folder_is_missing_nothing_is_changed(mailbox: Mailbox) -> None:
    mailbox.put("Hello")
    answer = mailbox.ask("messages/1", "PATCH", json={"seen": True, "move_to": "Nowhere"})
    assert problem(answer) == (404, "folder_unknown", "move_to")
    assert mailbox.lab.dovecot.flags(mailbox.address) == {1: set()}


# What is refused


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("unseen", value) for value in ("1", "TRUE", "yes")),
        *(("since", value) for value in ("yesterday", "2026-13-01", "2026-01-31T12:00:00+01:00")),
        *(("before", value) for value in ("31-Jan-2026", "2026-02-30", "\u0663")),
        *(("limit", value) for value in ("0", "201", "x")),
        *(("cursor", value) for value in ("x", "YWNj", "MXx4", "MHww", "a" * 500)),
        *(("folder", value) for value in ("*", "a%", "a" * 251)),
        *((field, "a" * 201) for field in ("from", "to", "subject", "text")),
    ],
)
def test_what_is_not_valid_is_named(mailbox: Mailbox, field: str, value: str) -> None:
    answer = mailbox.ask("messages", **{field: value})
    assert problem(answer) == (400, "field_invalid", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ([], "body"),
        (None, "body"),
        ({"seen": "true"}, "seen"),
        ({"flagged": 1}, "flagged"),
        ({"move_to": ""}, "move_to"),
        ({"move_to": "a\ud800"}, "move_to"),
        ({"seen": True, "move_to": "a\r\nA1 DELETE INBOX"}, "move_to"),
        ({"seen": True, "answered": True}, "answered"),
    ],
)
def test_a_change_that_is_none_changes_nothing(mailbox: Mailbox, body: Any, field: str) -> None:
    mailbox.put("Hello")
    answer = mailbox.ask("messages/1", "PATCH", data=json.dumps(body))
    assert problem(answer) == (400, "field_invalid", field)
    assert mailbox.lab.dovecot.flags(mailbox.address) == {1: set()}


def test_what_is_not_there_is_not_found(mailbox: Mailbox) -> None:
    mailbox.put("Hello")
    for method in ("GET", "PATCH"):
        body: dict[str, Any] = {"json": {"seen": True}} if method == "PATCH" else {}
        for uid in ("2", "0", "x", "-1", "1.0", "4294967296", "9" * 40, "1%20UNSEEN", "*", "1:*"):
            answer = mailbox.ask(f"messages/{uid}", method, **body)
            assert problem(answer) == (404, "message_unknown", ""), uid
        answer = mailbox.ask("messages/1", method, folder="Nowhere", **body)
        assert problem(answer) == (404, "folder_unknown", "folder")
    answer = mailbox.ask("messages", folder="../Nowhere")
    assert problem(answer) == (404, "folder_unknown", "folder")
    for path in ("messages/2/raw", "messages/2/attachments/1"):
        assert problem(mailbox.ask(path)) == (404, "message_unknown", "")
    for attachment in ("2", "1", "uu1", "0", "x", "1%5D%20BODY%5B", "1.MIME"):
        answer = mailbox.ask(f"messages/1/attachments/{attachment}")
        assert problem(answer) == (404, "attachment_unknown", ""), attachment


def test_another_uidvalidity_is_a_conflict(mailbox: Mailbox) -> None:
    mailbox.put("Hello")
    now = mailbox.got("messages")["uid_validity"]
    assert mailbox.ask("messages/1", uid_validity=now).status_code == 200
    for method, path in (
        *(("GET", "messages/1"), ("GET", "messages/1/raw"), ("PATCH", "messages/1")),
        ("GET", "messages/1/attachments/2"),
    ):
        body: dict[str, Any] = {"json": {"seen": True}} if method == "PATCH" else {}
        answer = mailbox.ask(path, method, uid_validity=now + 1, **body)
        assert problem(answer) == (409, "uid_validity_changed", ""), path
        answer = mailbox.ask(path, method, uid_validity="x", **body)
        assert problem(answer) == (400, "field_invalid", "uid_validity"), path
    assert mailbox.lab.dovecot.flags(mailbox.address) == {1: set()}


def test_a_cursor_of_another_numbering_is_a_conflict(mailbox: Mailbox) -> None:
    mailbox.put("one", "two")
    now = mailbox.got("messages", limit=1)
    assert now["cursor"] == pages_of.cursor(str(now["uid_validity"]), "2")
    other = pages_of.cursor(str(now["uid_validity"] + 1), "2")
    answer = mailbox.ask("messages", cursor=other)
    assert problem(answer) == (409, "uid_validity_changed", "")


_CONTROLS = ["\r\n", "\n", "\x00", "\x01", "\x7f", "\u2028", "a\r\nA1 SELECT INBOX"]


@pytest.mark.parametrize("field", ["folder", "from", "to", "subject", "text"])
def test_t24_control_characters_are_refused_in_every_field(mailbox: Mailbox, field: str) -> None:
    for value in _CONTROLS:
        answer = mailbox.ask("messages", **{field: f"a{value}b"})
        assert problem(answer) == (400, "field_invalid", field), repr(value)


@pytest.mark.parametrize(
    "value",
    [
        '"',
        '" UNSEEN "',
        "\\",
        '\\"',
        "{9}",
        "{9+}",
        "a {2}",
        ")(",
        "(",
        "*",
        "]",
        "NIL",
        "~{1}",
        "%",
    ],
)
def test_t24_on_the_wire_every_line_is_a_command_of_ours(
    start_lab: StartLab, proxy: ImapProxy, address: str, value: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.put("Hello")
    proxy.commands.clear()
    for field in ("from", "to", "subject", "text", "folder"):
        assert mailbox.ask("messages", **{field: value}).status_code in {200, 400, 404}, field
    mailbox.ask("messages/1", "PATCH", json={"move_to": value})
    names = {
        " ".join(one.split(" ")[: 2 if one.startswith("UID") else 1]) for one in proxy.commands
    }
    assert names <= {
        *("AUTHENTICATE", "EXAMINE", "SELECT", "STATUS", "LOGOUT"),
        *("UID SEARCH", "UID FETCH", "UID STORE", "UID MOVE"),
    }
    assert mailbox.subjects() == ["Hello"]


def test_t25_what_a_hostile_server_sends_without_end_costs_neither_memory_nor_the_next_call(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.lab.wait_for_account(address, claim="")
    mailbox.lab.mail(address, with_file(address, "Hello\n", "a.bin", b"x"))
    literal = "* 1 FETCH (UID 1 BODY[{}]<0> {{4294967295}}\r\n"
    for path, command, begin, more in (
        ("folders", "LIST", "", b'* LIST () "/" a\r\n' * 1000),
        ("messages", "EXAMINE", "", b"* 1 EXISTS\r\n" * 1000),
        ("messages", "UID SEARCH", "* SEARCH", b" 1" * _MIB),
        ("messages", "UID FETCH .*ENVELOPE", "* 1 FETCH (UID 1 ENVELOPE (", b"(" * _MIB),
        ("messages/1/raw", r"UID FETCH .*BODY\.PEEK\[\]", literal.format(""), b"x" * _MIB),
        (
            "messages/1/attachments/2",
            r"UID FETCH .*BODY\.PEEK\[2\]",
            literal.format("2"),
            b"x" * _MIB,
        ),
    ):
        proxy.on(command, endless(begin.encode(), more), times=1)
        assert problem(mailbox.ask(path))[:2] == (503, "imap_unavailable"), path
        assert mailbox.ask(path).status_code == 200, path
    peak = peak_mb(mailbox.lab.host.pid)
    assert 0 < peak < 256, peak


# Whose mailbox it is


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "folders"),
        ("GET", "messages"),
        ("GET", "messages/1"),
        ("PATCH", "messages/1"),
        ("GET", "messages/1/raw"),
        ("GET", "messages/1/attachments/1"),
    ],
)
def test_every_route_wants_a_key_and_an_account(lab: Lab, method: str, path: str) -> None:
    url = f"{lab.host.base_url}/api/accounts/{_UNKNOWN}/{path}"
    assert requests.request(method, url, timeout=10).status_code == 401
    for account in (_UNKNOWN, "system", "x"):
        answer = lab.host.api(method, f"accounts/{account}/{path}", json={"seen": True})
        assert problem(answer) == (404, "account_unknown", "")


def test_where_the_owner_has_to_sign_in_the_answer_has_the_link(mailbox: Mailbox) -> None:
    mailbox.lab.wait_for_account(mailbox.address, claim="")
    mailbox.lab.microsoft.revoke(mailbox.address)
    mailbox.lab.microsoft.expire_access_tokens(mailbox.address)
    mailbox.lab.wait_for_account(mailbox.address, status="reconnect_required")
    for path in ("folders", "messages", "messages/1", "messages/1/raw"):
        answer = mailbox.ask(path)
        assert problem(answer) == (409, "sign_in_again", "reconnect_required")
        assert answer.json()["link"] == mailbox.lab.login_url


def test_a_mailbox_that_refuses_says_why(start_lab: StartLab, address: str) -> None:
    mailbox = Mailbox(start_lab(), address)
    mailbox.lab.wait_for_account(address, claim="")
    mailbox.lab.person(address, owns_mailbox=False)
    assert problem(mailbox.ask("messages")) == (409, "imap_denied", "")


def test_a_server_that_is_throttled_says_when_to_come_again(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.lab.wait_for_account(address, claim="")
    text = "BAD Request is throttled. Suggested Backoff Time: 7000 milliseconds"
    proxy.on("EXAMINE", says(text))
    answer = mailbox.ask("messages")
    assert problem(answer) == (503, "imap_throttled", "")
    assert answer.headers["Retry-After"] == "7"
