"""What a mail server's refusal means for us: Exchange's own texts, in one place.

https://learn.microsoft.com/exchange/troubleshoot/ has no list of them; these were collected from
reports, each beside the outcome that was found right.
"""

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator

from imapclient.exceptions import IMAPClientError

from shared.errors import Blocked, TryAgain, UnseenError

_MAX_BACK_OFF_SECONDS = 3600
_THROTTLED = re.compile(r"suggested backoff time: (\d{1,9}) milliseconds", re.IGNORECASE)
_LOST_AUTHENTICATION = ("accesstokenexpired", "command received in invalid state")
_NO_FOLDER = (
    "command argument error",
    "[nonexistent]",
    "doesn't exist",
    "does not exist",
    "[trycreate]",
    "[cannot]",  # no folder can have that name (RFC 5530)
)


class TokenRefused(Exception):
    """AUTHENTICATE said NO, or the session lost its authentication: a fresh token may help."""


class CommandRefused(Exception):
    """A tagged NO or BAD to one command of a healthy session: this argument, not the mailbox."""


@contextlib.contextmanager
def translated(command: str) -> Iterator[None]:
    """Turns everything that imaplib and imapclient raise into our errors.

    Their texts quote the server and sometimes the command, so they are never passed on.
    """
    try:
        yield
    except (UnseenError, TokenRefused, CommandRefused):
        raise
    except ssl.SSLCertVerificationError as error:
        raise TryAgain("imap_unavailable", "certificate not trusted") from error
    except (OSError, imaplib.IMAP4.error, IMAPClientError) as error:
        raise outcome(command, error) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # What the parsers raise for an answer that is not IMAP.
        raise TryAgain("imap_unavailable", f"{command}: {type(error).__name__}") from None


def is_explained(text: str) -> bool:
    """Whether a BAD to AUTHENTICATE is about the mailbox and not about the command's form."""
    error = outcome("AUTHENTICATE", imaplib.IMAP4.error(text))
    known = any(sign in text.lower() for sign in _LOST_AUTHENTICATION)
    return known or not isinstance(error, TokenRefused)


def outcome(command: str, error: Exception) -> Exception:
    """The error of ours for what a command met."""
    text = str(error).lower()
    throttled = _THROTTLED.search(text)
    if throttled:
        seconds = min(int(throttled[1]) / 1000, _MAX_BACK_OFF_SECONDS)
        return TryAgain("imap_throttled", retry_after_seconds=seconds)
    if "authenticated but not connected" in text:
        return TryAgain("mailbox_unavailable")
    if any(sign in text for sign in _LOST_AUTHENTICATION):
        return TokenRefused(command)
    if _is_connection(error) or "unavailable" in text or "[inuse]" in text:
        return TryAgain("imap_unavailable", f"{command}: {type(error).__name__}")
    return _refusal(command, text)


def _refusal(command: str, text: str) -> Exception:
    if command == "AUTHENTICATE":
        return TokenRefused(command)
    if command in {"EXAMINE", "SELECT", "STATUS"} and any(sign in text for sign in _NO_FOLDER):
        return Blocked("folder_missing")
    if command == "FETCH":
        return CommandRefused(command)
    return TryAgain("imap_unavailable", command)


def _is_connection(error: Exception) -> bool:
    """abort is a kind of error in imaplib: the connection is gone, nothing was refused."""
    return isinstance(error, OSError | imaplib.IMAP4.abort)
