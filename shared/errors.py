"""Errors, named by what the caller must do.

UnseenError
├── TryAgain         network, 429/5xx, throttling: reschedule, state unchanged
├── ReconnectNeeded  the mailbox owner must sign in again
├── Blocked          someone at the owner's side must change a setting
├── OperatorFault    our own registration or secret: alarm, no account changes state
├── Rejected         bad input from whoever called us
└── Stale            an ETag conflict: reload once, then TryAgain
SettingsError        at start; outside the tree, so that nothing swallows it

Each carries a code of `shared.catalogue`, which holds the sentences.
"""

import math
from collections.abc import Mapping

from shared.catalogue import ENTRIES, Entry

_WAIT_SECONDS = 60


class UnseenError(Exception):
    """Base of what a flow may meet.

    code: a key of the catalogue. detail: a number, a field or a setting that tells the operator
    where to look; it is logged, so it never holds a token, an address or text from outside.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} ({detail})" if detail else code)
        self.code = code
        self.detail = detail

    @property
    def entry(self) -> Entry:
        """The sentences of this error."""
        return ENTRIES[self.code]


class TryAgain(UnseenError):
    """A passing fault; `retry_after_seconds` is what the other side asked for, else None."""

    def __init__(
        self, code: str, detail: str = "", *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(code, detail)
        self.retry_after_seconds = retry_after_seconds


class ReconnectNeeded(UnseenError):
    """The stored sign-in no longer works: its owner must sign in again."""


class Blocked(UnseenError):
    """The sign-in works and the mailbox refuses: somebody at its side must act."""


class OperatorFault(UnseenError):
    """Our own secret, registration or key is wrong; no account may change state for it."""


class Rejected(UnseenError):
    """Bad input; `status` is the HTTP status that fits, `more` what the answer says besides.

    retry_after_seconds: with a 429, when the same would be taken; None for a minute.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int = 400,
        more: Mapping[str, object] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.more = more or {}


class Stale(UnseenError):
    """Another writer was faster: what we read is no longer what is stored."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("stale", detail)


def of_account(
    code: str, detail: str = "", *, retry_after_seconds: float | None = None
) -> UnseenError:
    """The error of a code, in the class that does what the catalogue says the account does."""
    match ENTRIES[code].then:
        case "retry":
            return TryAgain(code, detail, retry_after_seconds=retry_after_seconds)
        case "reconnect":
            return ReconnectNeeded(code, detail)
        case "blocked":
            return Blocked(code, detail)
        case "alarm":
            return OperatorFault(code, detail)
        case "none":
            return Rejected(code, detail)


def page_status(error: UnseenError) -> int:
    """The HTTP status of a page that tells of the error."""
    match error:
        case Rejected(status=status):
            return status
        case ReconnectNeeded():
            return 400
        case Blocked():
            return 409
        case OperatorFault():
            return 500
        case _:
            return 503


def wait_seconds(error: UnseenError) -> int | None:
    """What `Retry-After` says where trying again helps, else None."""
    match error:
        case (
            TryAgain(retry_after_seconds=seconds)
            | Rejected(status=429, retry_after_seconds=seconds)
        ):
            return max(1, math.ceil(seconds or _WAIT_SECONDS))
        case _:
            return None


def place(error: BaseException) -> str:
    """Class and function of a surprise, for the log: its text may quote mail, so no text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = trace.tb_frame.f_code.co_qualname if trace else "?"
    return f"{type(error).__name__} in {where}"


class SettingsError(Exception):
    """Every setting that is missing or wrong, by name; `problems` is [(name, sentence)]."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in problems))
        self.problems = problems
