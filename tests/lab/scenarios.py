"""What a mail server does to one connection, by name; each is met once and then over.

The texts are those of Exchange Online:
https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .imap_proxy import (
    Answer,
    Ask,
    Cut,
    ImapProxy,
    cut,
    dripped,
    endless,
    rewritten,
    rewritten_by,
    says,
    silent,
    sizes_times,
)

_CAPABILITY = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN"
_MIB = b"x" * 1024 * 1024
_BODIES = r"UID FETCH .*BODY\.PEEK\[\]"


@dataclass(frozen=True)
class Scenario:
    """The command that meets it, and the answer. harmless: mail arrives all the same."""

    command: str
    answer: Answer = field(repr=False)
    harmless: bool = False


def meet(proxy: ImapProxy, scenario: Scenario, user: str = "") -> None:
    """One connection meets it: the next, or that mailbox' next."""
    proxy.on(scenario.command, scenario.answer, times=1, user=user)


def be_exchange(proxy: ImapProxy) -> None:
    """From now on the proxy says what Exchange says of itself, and refuses what it refuses."""
    support_id = "TQBOADIAUABSADAANQBDAEEAMAAxADAANQAuAGUAdQByAHAA"
    greeting = f"* OK The Microsoft Exchange IMAP4 service is ready. [{support_id}]\r\n".encode()
    proxy.on("CONNECT", lambda tag, ask: ask() and greeting)
    proxy.on("CAPABILITY", says("OK CAPABILITY completed.", f"CAPABILITY {_CAPABILITY}"))
    proxy.on("UID SEARCH .*[^ -~]", says("NO [BADCHARSET (US-ASCII)] charset is not supported."))
    for unknown in ("ENABLE", "COMPRESS", ".*(CONDSTORE|QRESYNC|MODSEQ|ESEARCH|RETURN)"):
        proxy.on(unknown, says("BAD Command Error. 10"))


def _bye(text: str) -> Answer:
    def answer(tag: str, ask: Ask) -> bytes:
        raise Cut(f"* BYE {text}\r\n".encode())

    return answer


def _preauth(tag: str, ask: Ask) -> bytes:
    return ask() and b"* PREAUTH signed in already\r\n"


def _literal_cut_short(tag: str, ask: Ask) -> bytes:
    """Announces what it does not send."""
    raise Cut(re.sub(rb"\{(\d+)\}", lambda size: b"{%d}" % (int(size[1]) + 500), ask()))


def _said_in_between(tag: str, ask: Ask) -> bytes:
    """Answers that nobody asked for, about other mails too."""
    return b"* 7 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n" + ask() + b"* 0 RECENT\r\n"


# Before anybody knows whose connection it is.
GREETINGS: Mapping[str, Scenario] = {
    "f11_cut_off_at_once": Scenario("CONNECT", cut()),
    "f12_bye_instead_of_a_greeting": Scenario("CONNECT", _bye("Server shutting down.")),
    "f12_no_greeting": Scenario("CONNECT", silent),
    "f12_preauth": Scenario("CONNECT", _preauth),
}
SCENARIOS: Mapping[str, Scenario] = {
    "f13_token_expired_in_the_session": Scenario(
        "EXAMINE", _bye("Session invalidated - AccessTokenExpired")
    ),
    "f13_authentication_lost": Scenario("STATUS", says("BAD Command received in Invalid state.")),
    "f13_token_refused_once": Scenario(
        "AUTHENTICATE", says("NO AUTHENTICATE failed."), harmless=True
    ),
    "f15_not_connected": Scenario(
        "STATUS", says("BAD User is authenticated but not connected.", "BYE Connection closed. 14")
    ),
    "f16_throttled": Scenario(
        "STATUS", says("BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds")
    ),
    "f17_cut_in_a_literal": Scenario(_BODIES, cut(300)),
    "f17_literal_shorter_than_announced": Scenario(_BODIES, _literal_cut_short),
    "f17_answers_in_between": Scenario(_BODIES, _said_in_between, harmless=True),
    "f18_silent_at_authenticate": Scenario("AUTHENTICATE", silent),
    "f18_silent_at_status": Scenario("STATUS", silent),
    "f18_silent_at_search": Scenario("UID SEARCH", silent),
    "f18_silent_at_fetch": Scenario(_BODIES, silent),
    # And as it was before from the next check on: each time, known mail is recognised.
    "f19_numbered_anew": Scenario(
        "EXAMINE", rewritten_by(r"UIDVALIDITY \d+", "UIDVALIDITY 77"), harmless=True
    ),
    "f20_without_uidnext": Scenario("STATUS", rewritten("UIDNEXT", "X-NOTHING"), harmless=True),
    "f20_opened_without_uidnext": Scenario(
        "EXAMINE", rewritten("UIDNEXT", "X-NOTHING"), harmless=True
    ),
    "f23_listed_with_a_gigabyte": Scenario("UID FETCH", sizes_times(1_000_000), harmless=True),
    "f23_sizes_a_fifth_too_large": Scenario("UID FETCH", sizes_times(1.2), harmless=True),
    "f23_sizes_a_fifth_too_small": Scenario("UID FETCH", sizes_times(0.8), harmless=True),
    "f30_fetch_refused": Scenario(_BODIES, says("BAD Command Argument Error. 11")),
    "overloaded": Scenario("EXAMINE", says("NO Server Unavailable. 15")),
    "t25_a_byte_a_second": Scenario("STATUS", dripped(1)),
    "t25_lines_without_end": Scenario("STATUS", endless(b"", b"* 1 EXISTS\r\n" * 1000)),
    "t25_a_line_without_end": Scenario("STATUS", endless(b"* OK ", _MIB)),
    "t25_a_literal_of_4_gb": Scenario(
        _BODIES, endless(b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n", _MIB)
    ),
}
