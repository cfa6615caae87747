"""What a mail server's refusal means: Exchange's own texts, each beside its outcome."""

import imaplib
import ssl

import pytest
from imapclient.exceptions import IMAPClientError

from shared import imap_errors
from shared.errors import Blocked, Rejected, TryAgain, UnseenError
from shared.imap_errors import CommandRefused, TokenRefused

_COMMANDS = ("CONNECT", "AUTHENTICATE", "STATUS", "EXAMINE", "SEARCH", "FETCH")
_ABORT, _ERROR = imaplib.IMAP4.abort, imaplib.IMAP4.error


@pytest.mark.parametrize(
    ("command", "error", "kind", "code"),
    [
        ("AUTHENTICATE", _ERROR("AUTHENTICATE failed."), TokenRefused, ""),
        ("AUTHENTICATE", _ERROR("[AUTHENTICATIONFAILED] failed"), TokenRefused, ""),
        ("FETCH", _ABORT("Session invalidated - AccessTokenExpired"), TokenRefused, ""),
        ("STATUS", _ERROR("BAD Command received in Invalid state."), TokenRefused, ""),
        (
            "EXAMINE",
            _ERROR("BAD User is authenticated but not connected."),
            TryAgain,
            "mailbox_unavailable",
        ),
        ("SEARCH", _ERROR("Server Unavailable. 15"), TryAgain, "imap_unavailable"),
        ("AUTHENTICATE", _ERROR("[UNAVAILABLE] Temporary"), TryAgain, "imap_unavailable"),
        ("EXAMINE", _ERROR("[INUSE] Mailbox in use"), TryAgain, "imap_unavailable"),
        ("EXAMINE", _ERROR("[NONEXISTENT] Unknown Mailbox"), Blocked, "folder_missing"),
        ("STATUS", IMAPClientError("INBOX doesn't exist."), Blocked, "folder_missing"),
        ("EXAMINE", _ERROR("NO something else"), TryAgain, "imap_unavailable"),
        ("FETCH", _ERROR("BAD Command Argument Error. 11"), CommandRefused, ""),
        ("FETCH", _ABORT("socket error: EOF"), TryAgain, "imap_unavailable"),
        ("SEARCH", _ERROR("[BADCHARSET (US-ASCII)]"), TryAgain, "imap_unavailable"),
        ("AUTHENTICATE", _ABORT("socket error: EOF"), TryAgain, "imap_unavailable"),
        ("CONNECT", ConnectionRefusedError(), TryAgain, "imap_unavailable"),
        ("CONNECT", TimeoutError(), TryAgain, "imap_unavailable"),
    ],
)
def test_each_text_has_its_outcome(command: str, error: Exception, kind: type, code: str) -> None:
    found = imap_errors.outcome(command, error)
    assert type(found) is kind
    assert getattr(found, "code", "") == code


@pytest.mark.parametrize("command", _COMMANDS)
@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [("299910", 299.91), ("89000", 89), ("999999999", 3600)]
)
def test_f16_a_suggested_back_off_is_kept_up_to_an_hour(
    command: str, milliseconds: str, seconds: float
) -> None:
    text = f"Request is throttled. Suggested Backoff Time: {milliseconds} milliseconds"
    found = imap_errors.outcome(command, _ERROR(text))
    assert isinstance(found, TryAgain)
    assert (found.code, found.retry_after_seconds) == ("imap_throttled", seconds)


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_lost_connection_never_blames_token_folder_or_mail(command: str) -> None:
    assert isinstance(imap_errors.outcome(command, _ABORT("socket error")), TryAgain)


def raised(error: Exception) -> Exception:
    """What comes out where this is raised."""
    try:
        with imap_errors.translated("FETCH"):
            raise error
    except Exception as found:
        return found


@pytest.mark.parametrize(
    "error",
    [
        _ERROR("canary"),
        _ABORT("canary"),
        IMAPClientError("canary"),
        OSError("canary"),
        ValueError("canary"),
        KeyError("canary"),
        TypeError("canary"),
        ssl.SSLCertVerificationError("canary"),
    ],
)
def test_i6_a_servers_text_is_never_passed_on(error: Exception) -> None:
    found = raised(error)
    assert isinstance(found, UnseenError | CommandRefused)
    assert "canary" not in str(found)


@pytest.mark.parametrize("error", [Rejected("field_invalid"), TokenRefused(), CommandRefused()])
def test_our_own_errors_pass_unchanged(error: Exception) -> None:
    assert raised(error) is error


def test_f11_an_untrusted_certificate_says_so() -> None:
    found = raised(ssl.SSLCertVerificationError("self-signed"))
    assert isinstance(found, TryAgain)
    assert found.detail == "certificate not trusted"
