"""IMAP: what goes over the wire, what a server may do to us, and that nothing becomes seen."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from shared import imap, instants
from shared.connector import Connector
from shared.errors import Blocked, Rejected, TryAgain
from shared.imap import FolderStatus, Listed, Server, Session
from shared.imap_errors import CommandRefused, TokenRefused
from tests.conftest import StartScripted
from tests.lab.certificates import Authority
from tests.lab.dovecot import Dovecot
from tests.lab.raw_server import RawServer
from tests.lab.scripted_imap import CLOSE, Answer, ScriptedImap, dripping
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until

_ADDRESS, _TOKEN = "ada@outlook.example", "EwB4token"
_NOBODY: Answer = ()  # says nothing, and waits
_COMMANDS = ("STATUS", "EXAMINE", "SEARCH", "FETCH")


def mail(subject: str = "Hello", message_id: str = "<1@sender.example>") -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: {message_id}\r\n\r\nHello\r\n".encode()


# A server that says what it is told


@pytest.fixture
def through(trusted: Callable[[int], Server]) -> Callable[..., None]:
    """Goes through a session with each of the commands, in so many seconds."""

    def go(server: ScriptedImap | RawServer, seconds: float = 10) -> None:
        with imap.session(trusted(server.port), _ADDRESS, _TOKEN, seconds) as session:
            session.status("INBOX")
            session.examine("INBOX")
            session.unseen(1, 9, 9)
            session.listed([1])
            session.bodies([1])

    return go


def test_a_session_that_finds_nothing_new_says_no_more_than_it_must(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script()
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        assert session.status("INBOX") == FolderStatus(7, 2, 1)
    wait_until(lambda: server.commands("LOGOUT"))
    assert [line.split(" ")[1] for line in server.lines] == ["AUTHENTICATE", "STATUS", "LOGOUT"]


def test_i7_no_command_may_make_mail_seen(
    script: StartScripted, through: Callable[..., None]
) -> None:
    server = script()
    through(server)
    names = {line.split(" ")[1] for line in server.lines}
    assert names - {"LOGOUT"} == {"AUTHENTICATE", "STATUS", "EXAMINE", "UID"}
    fetched = server.commands("FETCH")
    assert any("BODY.PEEK[" in line for line in fetched)
    assert not [line for line in fetched if re.search(r"BODY\[|RFC822(?!\.SIZE)", line)]


def test_a_session_does_not_wait_for_the_answer_to_logout(
    script: StartScripted, through: Callable[..., None]
) -> None:
    began = time.monotonic()
    server = script(LOGOUT=_NOBODY)
    through(server)
    assert time.monotonic() - began < 5
    wait_until(lambda: server.commands("LOGOUT"))


def test_f20_a_folder_without_uidnext_has_none(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script(
        STATUS=b"* STATUS INBOX (MESSAGES 3 UIDVALIDITY 7)\r\n%T OK done\r\n",
        EXAMINE=b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n%T OK done\r\n",
        SEARCH=b"* SEARCH 30 10 20 10\r\n%T OK done\r\n",
    )
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        assert session.status("INBOX") == session.examine("INBOX") == FolderStatus(7, 0, 3)
        assert session.unseen(11, 0, 3) == [20, 30]
        assert session.unseen(1, 25, 3) == [10, 20]
    assert server.commands("SEARCH") == ["UID SEARCH UID 11:* UNSEEN", "UID SEARCH UID 1:25 UNSEEN"]


def test_f22_a_large_folder_is_searched_in_ranges_whose_answer_fits_a_line(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script()
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        assert session.unseen(5, 200_000, 200_000) == []
        assert session.unseen(9, 8, 200_000) == []
    assert [line.split(" ")[3] for line in server.commands("SEARCH")] == [
        *("5:80004", "80005:160004", "160005:200000")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        '"a (UIDNEXT 9) b" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)',
        "{17}\r\na (UIDNEXT 9)\r\n b (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)",
        "INBOX (uidvalidity 7 unseen 3 uidnext 2 messages 1) ",
        "other (MESSAGES 9 UIDNEXT 9 UIDVALIDITY 9)\r\n"
        "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)",
    ],
)
def test_a_folders_numbers_are_found_however_it_is_called(
    script: StartScripted, trusted: Callable[[int], Server], answer: str
) -> None:
    server = script(STATUS=f"* STATUS {answer}\r\n%T OK done\r\n".encode())
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        assert session.status("INBOX") == FolderStatus(7, 2, 1)


@pytest.mark.parametrize("answer", ["", "* STATUS INBOX (MESSAGES 1)\r\n", "* STATUS x\r\n"])
def test_a_folder_without_uidvalidity_is_not_read(
    script: StartScripted, through: Callable[..., None], answer: str
) -> None:
    with pytest.raises(TryAgain, match="imap_unavailable"):
        through(script(STATUS=f"{answer}%T OK done\r\n".encode()))


# What servers say


@pytest.mark.parametrize(
    ("command", "text", "code"),
    [
        ("GREETING", "* BYE Server is shutting down.", "imap_unavailable"),
        ("GREETING", "* BYE Request is throttled. Suggested Backoff Time: 5 m", "imap_unavailable"),
        ("GREETING", "220 smtp.example ESMTP", "imap_unavailable"),
        ("AUTHENTICATE", "* BYE Connection closed. 14", "imap_unavailable"),
        ("EXAMINE", "%T BAD User is authenticated but not connected.", "mailbox_unavailable"),
        ("STATUS", "* BYE Connection closed. 14", "imap_unavailable"),
        (
            "STATUS",
            "* BYE Connection closed. 14\r\n%T BAD User is authenticated but not connected.",
            "mailbox_unavailable",
        ),
        ("SEARCH", "%T NO Server Unavailable. 15", "imap_unavailable"),
        ("SEARCH", "* SEARCH one two\r\n%T OK done", "imap_unavailable"),
        ("FETCH", "* 1 FETCH (UID 1 FLAGS () INTERNALDATE x)\r\n%T OK", "imap_unavailable"),
        ("FETCH", "* 1 FETCH (UID 1 FLAGS ())\r\n%T OK done", "imap_unavailable"),
        ("FETCH", "\x00\xff\xfe", "imap_unavailable"),
    ],
)
def test_f12_what_a_server_says_instead_is_a_passing_fault(
    script: StartScripted, through: Callable[..., None], command: str, text: str, code: str
) -> None:
    server = script(**{command: [f"{text}\r\n".encode("latin-1"), CLOSE]})
    with pytest.raises(TryAgain) as caught:
        through(server)
    assert caught.value.code == code


@pytest.mark.parametrize("command", ["GREETING", "AUTHENTICATE", *_COMMANDS])
@pytest.mark.parametrize("kind", ["%T BAD", "%T NO", "* BYE"])
def test_f16_a_suggested_back_off_is_heard_wherever_it_is_said(
    script: StartScripted, through: Callable[..., None], command: str, kind: str
) -> None:
    if command == "GREETING" and kind != "* BYE":
        kind = "* BYE"
    text = f"{kind} Request is throttled. Suggested Backoff Time: 299910 milliseconds\r\n"
    with pytest.raises(TryAgain) as caught:
        through(script(**{command: [text.encode(), CLOSE]}))
    assert (caught.value.code, caught.value.retry_after_seconds) == ("imap_throttled", 299.91)


@pytest.mark.parametrize("command", _COMMANDS)
def test_f13_a_session_that_lost_its_authentication_wants_a_fresh_token(
    script: StartScripted, through: Callable[..., None], command: str
) -> None:
    bye = b"* BYE Session invalidated - AccessTokenExpired\r\n"
    with pytest.raises(TokenRefused):
        through(script(**{command: [bye, CLOSE]}))


def test_f12_whoever_is_signed_in_by_the_server_itself_is_not_us(
    script: StartScripted, through: Callable[..., None]
) -> None:
    server = script(GREETING=b"* PREAUTH welcome\r\n")
    with pytest.raises(TryAgain):
        through(server)
    assert not server.commands("AUTHENTICATE")


@pytest.mark.parametrize(
    "answer", [b"%T BAD Command Argument Error. 11\r\n", b"* 1 FETCH (((\r\n%T OK done\r\n"]
)
def test_f30_a_mail_that_the_server_refuses_is_about_that_mail(
    script: StartScripted, through: Callable[..., None], answer: bytes
) -> None:
    with pytest.raises(CommandRefused):
        through(script(FETCH=answer))


def test_f30_one_odd_envelope_hides_no_other(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    good = (
        b'* 1 FETCH (UID 1 ENVELOPE (NIL "Hi" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n%T OK done\r\n'
    )
    odd = b"* 2 FETCH (UID 2 ENVELOPE (NIL))\r\n%T OK done\r\n"
    both = good.replace(b"%T OK done\r\n", odd)
    for refusal in (odd, b"%T BAD Command Argument Error. 11\r\n"):
        answers = iter([both if refusal is odd else refusal, good, refusal])
        server = script(FETCH=lambda answers=answers: [next(answers)])
        with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
            session.examine("INBOX")
            found = session.envelopes([1, 2])
        assert (found[1].subject, found[2]) == (b"Hi", None)


def test_a_move_says_where_the_mail_is_if_the_server_does(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    select = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n%T OK [READ-WRITE] done\r\n"
    told = b"* OK [COPYUID 9 5 42] .\r\n* 1 EXPUNGE\r\n%T OK done\r\n"
    tagged = b"%T OK [COPYUID 9 5 42] done\r\n"
    odd = b"* OK [COPYUID 9 5:6 42:43] .\r\n%T OK done\r\n"
    server = script(SELECT=select, MOVE=iter([told, tagged, odd, b"%T OK done\r\n"]).__next__)
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        session.select("INBOX")
        found = [session.move(5, "Archive") for _ in range(4)]
    assert found == [(9, 42), (9, 42), None, None]
    assert server.commands("MOVE")[0] == 'UID MOVE 5 "Archive"'


@pytest.mark.parametrize("criteria", ["SUBJECT ü", "ALL\r\nA1 LOGOUT", "ALL\x00", "ALL\x01"])
def test_t24_no_search_goes_out_that_is_not_one_line_of_ascii(
    script: StartScripted, trusted: Callable[[int], Server], criteria: str
) -> None:
    server = script()
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        with pytest.raises(Rejected):
            session.search(1, 9, criteria)
        with pytest.raises(Rejected):
            session.move(1, criteria + "\n")
    assert not server.commands("SEARCH") and not server.commands("MOVE")


def test_f17_answers_that_nobody_asked_for_are_no_part_of_the_mail(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    answer = (
        b"* 5 EXISTS\r\n* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n"
        b"* 1 FETCH (UID 1 BODY[] {5}\r\nHello)\r\n* 2 EXPUNGE\r\n%T OK done\r\n"
    )
    with imap.session(trusted(script(FETCH=answer).port), _ADDRESS, _TOKEN, 10) as session:
        session.examine("INBOX")
        assert session.bodies([1, 2]) == {1: b"Hello"}


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 BODY[] {5000}\r\nHel",
        b"* 1 FETCH (UID 1 BODY[] {5}\r\nHello",
        b"* 1 FETCH (UID 1 BODY[] {5}\r\nHello)\r\n",
        b"* 1 FETCH (UID 1 BODY[",
        b"",
    ],
)
def test_f17_a_mail_that_was_cut_is_not_given(
    script: StartScripted, trusted: Callable[[int], Server], answer: bytes
) -> None:
    server = script(FETCH=[answer, CLOSE] if answer else [CLOSE])
    with (
        imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session,
        pytest.raises(TryAgain),
    ):
        session.examine("INBOX")
        session.bodies([1])


# Hostile servers


@pytest.mark.parametrize("stage", ["GREETING", "AUTHENTICATE", *_COMMANDS])
def test_f18_a_server_that_falls_silent_ends_with_the_deadline(
    script: StartScripted, through: Callable[..., None], stage: str
) -> None:
    began = time.monotonic()
    with pytest.raises(TryAgain):
        through(script(**{stage: _NOBODY}), seconds=0.1)
    assert time.monotonic() - began < 5


def test_f18_a_handshake_that_never_ends_ends_with_the_deadline(
    through: Callable[..., None],
) -> None:
    server = RawServer(lambda sock: _until_it_ends(sock))
    with pytest.raises(TryAgain):
        through(server, seconds=0.1)
    server.close()


def _until_it_ends(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


def test_t25_one_byte_after_the_other_ends_with_the_deadline(
    script: StartScripted, through: Callable[..., None]
) -> None:
    began = time.monotonic()
    with pytest.raises(TryAgain):
        through(script(STATUS=lambda: dripping(b"* OK " + b"x" * 1000)), seconds=0.2)
    assert time.monotonic() - began < 5


def test_t25_answers_without_end_end_with_the_deadline(
    script: StartScripted, through: Callable[..., None]
) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"* 1 FETCH (FLAGS (\\Recent))\r\n" * 100

    with pytest.raises(TryAgain):
        through(script(FETCH=endless), seconds=0.2)


def test_t25_one_answer_has_at_most_64_mib(
    script: StartScripted, through: Callable[..., None]
) -> None:
    def large() -> Iterator[bytes]:
        yield b"* 1 FETCH (UID 1 X {67000000}\r\n" + b"x" * 67_000_000 + b")\r\n"
        yield b"* OK " + b"x" * 900_000 + b"\r\n"
        yield b"%T OK done\r\n"

    with pytest.raises(TryAgain, match="FETCH: abort"):
        through(script(FETCH=large), seconds=60)


@pytest.mark.parametrize("command", ["SEARCH", "FETCH"])
def test_t25_a_line_has_at_most_a_megabyte(
    script: StartScripted, through: Callable[..., None], command: str
) -> None:
    def line() -> Iterator[bytes]:
        yield b"* OK "
        while True:
            yield b"x" * 65_536

    with pytest.raises(TryAgain):
        through(script(**{command: line}), seconds=60)


def test_t25_short_answers_count_for_what_they_cost(
    script: StartScripted, through: Callable[..., None]
) -> None:
    sent = 0

    def lines() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"* 1 EXISTS\r\n" * 1000

    with pytest.raises(TryAgain, match="STATUS: abort"):
        through(script(STATUS=lines), seconds=60)
    # Its 64 MiB would be five millions of them; some are on their way when the client leaves.
    assert sent < 1_000_000


@pytest.mark.parametrize("size", ["2147483648", "99999999999", "9" * 5000])
def test_t25_a_literal_is_refused_by_its_announcement(
    script: StartScripted, through: Callable[..., None], size: str
) -> None:
    began = time.monotonic()
    with pytest.raises(TryAgain):
        through(script(FETCH=f"* 1 FETCH (UID 1 BODY[] {{{size}}}\r\n".encode()), seconds=60)
    assert time.monotonic() - began < 10


def test_f11_nothing_is_sent_over_an_untrusted_certificate(script: StartScripted) -> None:
    server = script()
    elsewhere = Server.trusting("localhost", server.port, "")
    with (
        pytest.raises(TryAgain, match="certificate not trusted"),
        imap.session(elsewhere, _ADDRESS, _TOKEN, 10),
    ):
        pass
    assert server.lines == []


def test_f11_nothing_is_sent_to_a_server_of_another_name(
    script: StartScripted, authority: Authority
) -> None:
    server = script()
    # The certificate is for localhost and 127.0.0.1.
    elsewhere = Server.trusting("127.0.0.2", server.port, str(authority.ca_file))
    with pytest.raises(TryAgain), imap.session(elsewhere, _ADDRESS, _TOKEN, 10):
        pass
    assert server.lines == []


def test_f11_a_server_that_is_away_is_a_passing_fault(trusted: Callable[[int], Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TryAgain), imap.session(trusted(port), _ADDRESS, _TOKEN, 10):
        pass


# Injection


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x01", "\x7f"])
def test_t24_a_control_character_reaches_no_command(
    script: StartScripted, trusted: Callable[[int], Server], character: str
) -> None:
    server = script()
    evil = f"a{character}b"
    for address, token in ((evil, _TOKEN), (_ADDRESS, evil)):
        with pytest.raises(Rejected), imap.session(trusted(server.port), address, token, 10):
            pass
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        for use in (session.status, session.examine):
            with pytest.raises(Rejected):
                use(evil)
        assert session.with_message_id(evil) == []
    assert {line.split(" ")[1] for line in server.lines} <= {"AUTHENTICATE", "LOGOUT"}


@pytest.mark.parametrize(
    "value", ["{9}", "{9+}", 'a"b', "a\\", '\\"', "(ALL", "x) OR (ALL", "*", "%", "~{9}", ""]
)
def test_t24_every_line_on_the_wire_begins_with_a_tag(
    script: StartScripted, trusted: Callable[[int], Server], value: str
) -> None:
    server = script()
    with imap.session(trusted(server.port), _ADDRESS, _TOKEN, 10) as session:
        assert session.with_message_id(value) == []
        session.examine(value or "INBOX")
    assert all(re.match(r"[A-P]{4}\d+ [A-Z]", line) for line in server.lines)
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert server.commands("SEARCH") == [f'UID SEARCH HEADER Message-ID "{quoted}"']


# Dovecot


@pytest.fixture
def session(shared_app: SteppedApp, address: str) -> Iterator[Session]:
    """A session of the person's mailbox, which is empty; mail can be put in while it lasts."""
    flow, answer = shared_app.answer_of(address)
    token = shared_app.parts.microsoft.finish(flow, answer, instants.now()).token
    with imap.session(shared_app.parts.server, address, token.access_token, 20) as opened:
        yield opened


@pytest.fixture
def dovecot(services: Services) -> Dovecot:
    return services.dovecot


def test_a_status_says_what_came(session: Session, dovecot: Dovecot, address: str) -> None:
    before = session.status("INBOX")
    for _ in range(3):
        dovecot.deliver(address, mail())
    now = session.status("INBOX")
    assert now == FolderStatus(before.uidvalidity, before.uidnext + 3, 3)
    assert session.examine("INBOX") == now


def test_only_what_is_unseen_and_in_the_range_is_found(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    for flags in ((), ("\\Seen",), (), ("\\Flagged",)):
        dovecot.deliver(address, mail(), flags=flags)
        session.status("INBOX")  # the server gives UIDs as it notices
    session.examine("INBOX")
    assert session.unseen(1, 4, 4) == [1, 3, 4]
    assert session.unseen(2, 3, 4) == [3]
    assert session.unseen(3, 0, 4) == [3, 4]


def test_mail_at_or_below_the_cursor_is_dropped(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    dovecot.deliver(address, mail())
    session.examine("INBOX")
    assert session.unseen(1, 0, 1) == [1]
    assert session.unseen(2, 0, 1) == []


def test_i7_reading_leaves_everything_unseen(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    dovecot.deliver(address, mail())
    session.examine("INBOX")
    assert session.listed([1])
    assert session.bodies([1])
    assert session.bodies([1], first_bytes=10)
    assert session.with_message_id("<1@sender.example>") == [1]
    assert dovecot.flags(address) == {1: set()}


def test_a_listing_says_size_time_and_flags(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    came = datetime(2026, 1, 31, 12, tzinfo=UTC)
    dovecot.deliver(address, mail(), flags=("\\Flagged",), received_at=came)
    session.examine("INBOX")
    assert session.listed([1]) == [Listed(1, len(mail()), came, ("\\Flagged",))]


def test_f21_what_was_expunged_is_left_out(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    for number in range(3):
        dovecot.deliver(address, mail(f"{number}"))
    session.examine("INBOX")
    dovecot.expunge(address, 2)
    assert sorted(session.bodies([1, 2, 3])) == [1, 3]
    assert [item.uid for item in session.listed([3, 2, 1])] == [3, 1]


def test_a_body_comes_whole_or_only_its_beginning(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    raw = mail("x" * 100) + bytes(range(1, 256)) * 300
    dovecot.deliver(address, raw)
    session.examine("INBOX")
    whole = session.bodies([1])[1].replace(b"\r\n", b"\n")
    assert whole == raw.replace(b"\r\n", b"\n")
    assert session.bodies([1], first_bytes=50) == {1: session.bodies([1])[1][:50]}


@pytest.mark.parametrize("wanted", ["<{9}@sender.example>", "{9}", '<a"b\\c@x>', "<(x)*%@x>"])
def test_t24_an_odd_message_id_finds_its_mail(
    session: Session, dovecot: Dovecot, address: str, wanted: str
) -> None:
    dovecot.deliver(address, mail())
    dovecot.deliver(address, mail(message_id=wanted))
    session.examine("INBOX")
    assert session.with_message_id(wanted) == [2]
    assert session.with_message_id("<ü@sender.example>") == []


def test_a_folder_that_is_not_there_is_named(session: Session) -> None:
    for use in (session.status, session.examine):
        with pytest.raises(Blocked, match="folder_missing"):
            use("Nowhere")


def test_a_folders_name_may_be_of_any_letters(
    session: Session, dovecot: Dovecot, address: str
) -> None:
    dovecot.deliver(address, mail(), folder="Entw&APw-rfe &- {9}")  # as the server writes it
    assert session.examine("Entwürfe & {9}").exists == 1


def test_f13_a_token_that_is_none_is_refused(parts: Connector, address: str) -> None:
    with pytest.raises(TokenRefused), imap.session(parts.server, address, "EwB4nonsense", 20):
        pass


def test_an_identity_service_that_is_away_blames_no_token(
    parts: Connector, services: Services, address: str
) -> None:
    services.microsoft.next_answers("introspect", {"kind": "status", "status": 503})
    with pytest.raises(TryAgain), imap.session(parts.server, address, "EwB4any", 20):
        pass
