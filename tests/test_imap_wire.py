"""The wire to the mail server: how few round trips it takes, and servers that want more of them."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from shared import imap
from shared.errors import TryAgain
from shared.imap import Server
from shared.imap_errors import TokenRefused
from shared.imap_wire import xoauth2
from tests.conftest import StartScripted
from tests.lab.certificates import Authority
from tests.lab.scripted_imap import TOKEN, ScriptedImap
from tests.lab.tcp_relay import TcpRelay

_ADDRESS, _TOKEN = "ada@outlook.example", "EwB4token"


def check(server: Server) -> None:
    """What an idle mailbox costs."""
    with imap.session(server, _ADDRESS, _TOKEN, 10) as session:
        session.status("INBOX")


def commands(server: ScriptedImap) -> list[str]:
    return [line.split(" ")[1] for line in server.lines if " " in line]


def test_authenticate_sends_the_token_with_the_command(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script()
    check(trusted(server.port))
    (sent,) = server.commands("AUTHENTICATE")
    plain = base64.b64decode(sent.removeprefix("AUTHENTICATE XOAUTH2 "))
    assert plain == b"user=ada@outlook.example\x01auth=Bearer EwB4token\x01\x01"


def test_the_xoauth2_string_is_that_of_its_documentation() -> None:
    sent = base64.b64decode(xoauth2("test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3"))
    wanted = b"user=test@contoso.onmicrosoft.com\x01auth=Bearer EwBAAl3BAAUFFpUAo7J3\x01\x01"
    assert sent == wanted


def test_f13_a_refusals_challenge_is_answered_with_an_empty_line(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    challenge = base64.b64encode(b'{"status":"401","schemes":"Bearer"}')
    answers = {"AUTHENTICATE": b"+ " + challenge + b"\r\n", "": b"%T NO AUTHENTICATE failed.\r\n"}
    server = script(**answers)
    with pytest.raises(TokenRefused):
        check(trusted(server.port))
    assert len(server.commands("AUTHENTICATE")) == 1
    assert server.lines[-1] == ""


def test_an_idle_check_takes_five_round_trips(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    with closing(TcpRelay(script().port)) as relay:
        server = trusted(relay.port)
        check(server)
        check(server)
    assert [one.round_trips for one in relay.connections] == [5, 5]


def test_the_second_session_resumes_the_tls_of_the_first(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    with closing(TcpRelay(script().port)) as relay:
        server = trusted(relay.port)
        check(server)
        assert server.habits.tls_session is not None
        check(server)
    first, second = [one.handshake_bytes for one in relay.connections]
    assert second < first / 2  # the certificate is not sent again
    assert all(one.sent_bytes > 500 for one in relay.connections)
    assert relay.connections[1].received_bytes < relay.connections[0].received_bytes


def test_a_server_that_resumes_no_session_is_read_all_the_same(
    authority: Authority, trusted: Callable[[int], Server]
) -> None:
    servers = [ScriptedImap(authority, {}) for _ in range(2)]
    with closing(TcpRelay(servers[0].port)) as relay:
        server = trusted(relay.port)
        check(server)
        relay.target = servers[1].port  # another machine, which can't read the first one's ticket
        check(server)
    for one in servers:
        one.close()
        assert commands(one)[:2] == ["AUTHENTICATE", "STATUS"]


def test_a_server_that_never_resumes_is_not_offered_sessions_for_ever(
    authority: Authority, trusted: Callable[[int], Server]
) -> None:
    servers = [ScriptedImap(authority, {}) for _ in range(5)]
    with closing(TcpRelay(servers[0].port)) as relay:
        server = trusted(relay.port)
        offered = []
        for one in servers:
            relay.target = one.port
            check(server)
            offered.append(server.habits.tls_session is not None)
    for one in servers:
        one.close()
    assert offered == [True, True, True, False, False]


def test_a_connection_that_breaks_on_a_session_is_made_again_without(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    with closing(TcpRelay(script().port)) as relay:
        server = trusted(relay.port)
        check(server)
        relay.cut_next = True
        check(server)
        assert len(relay.connections) == 3
        assert relay.connections[2].handshake_bytes > relay.connections[0].handshake_bytes / 2


def test_a_server_that_does_not_know_initial_responses_is_asked_once_what_it_can(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    def unless_bare() -> Iterator[bytes]:
        bare = server.lines[-1].endswith("XOAUTH2")
        yield b"+ \r\n" if bare else b"%T BAD Too many arguments\r\n"

    server = script(
        CAPABILITY=b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n%T OK done\r\n",
        AUTHENTICATE=unless_bare,
        **{TOKEN: b"%T OK done\r\n"},
    )
    where = trusted(server.port)
    check(where)
    check(where)
    asked = [one for one in commands(server) if one != "LOGOUT"]
    first = ["AUTHENTICATE", "CAPABILITY", "AUTHENTICATE", "STATUS"]
    assert asked == [*first, "CAPABILITY", "AUTHENTICATE", "STATUS"]
    assert server.lines.count(xoauth2(_ADDRESS, _TOKEN)) == 2


def test_a_server_that_takes_an_initial_response_for_nothing_is_given_the_token_again(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script(AUTHENTICATE=b"+ \r\n", **{TOKEN: b"%T OK done\r\n"})
    check(trusted(server.port))
    assert commands(server)[:2] == ["AUTHENTICATE", "STATUS"]


def test_a_greeting_that_lists_no_initial_response_is_believed(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script(
        GREETING=b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n",
        AUTHENTICATE=b"+ \r\n",
        **{TOKEN: b"%T OK done\r\n"},
    )
    check(trusted(server.port))
    assert server.commands("AUTHENTICATE") == ["AUTHENTICATE XOAUTH2"]


def test_a_server_that_wants_capability_first_is_asked_from_then_on(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    def unless_asked() -> Iterator[bytes]:
        asked = commands(server)[-2:-1] == ["CAPABILITY"]
        yield b"%T OK done\r\n" if asked else b"%T BAD CAPABILITY first\r\n"

    server = script(AUTHENTICATE=unless_asked)
    where = trusted(server.port)
    check(where)
    check(where)
    asked = [one for one in commands(server) if one != "LOGOUT"]
    first = ["AUTHENTICATE", "CAPABILITY", "AUTHENTICATE", "STATUS"]
    assert asked == [*first, "CAPABILITY", "AUTHENTICATE", "STATUS"]


def test_a_bad_that_is_about_the_mailbox_is_no_reason_to_ask(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script(AUTHENTICATE=b"%T BAD User is authenticated but not connected.\r\n")
    with pytest.raises(TryAgain, match="mailbox_unavailable"):
        check(trusted(server.port))
    assert commands(server) == ["AUTHENTICATE"]
