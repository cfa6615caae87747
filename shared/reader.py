"""A mailbox opened for one turn: a session when somebody needs one, with the token it takes."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from shared import imap, instants
from shared.account_rows import Account
from shared.errors import Blocked
from shared.imap_errors import TokenRefused
from shared.microsoft import Token
from shared.renew import Renewal
from shared.tables import Row


class Reader:
    """Opens one IMAP session at most, lazily, and closes it at the end of the turn."""

    def __init__(
        self,
        account: Account,
        server: imap.Server,
        renewal: Renewal,
        clock: instants.Clock,
        seconds: float,
        token_row: Row | None = None,
    ) -> None:
        self._account = account
        self._server = server
        self._renewal = renewal
        self._now = clock
        self._seconds = seconds
        self._token_row = token_row
        self._token: Token | None = None
        self._stack = ExitStack()
        self._session: imap.Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session; the next `session()` opens another."""
        self._session = None
        self._stack.close()

    def token(self) -> Token:
        """The turn's access token, asked for once: what it was asked with is used up then."""
        if self._token is None:
            self._token = self._renewal.token(self._account, self._now(), self._token_row)
        return self._token

    def session(self) -> imap.Session:
        """The session, authenticated with a token that is good for a while.

        A refused token is replaced once. Raises Blocked `imap_denied` where a fresh one is
        refused too, and what `Renewal.token` and `imap.session` raise.
        """
        if self._session is None:
            try:
                self._session = self._opened(self.token().access_token)
            except TokenRefused:
                self._session = self._with_a_fresh_token()
        return self._session

    def _with_a_fresh_token(self) -> imap.Session:
        self._token = self._renewal.token(self._account, self._now(), force=True)
        try:
            return self._opened(self._token.access_token)
        except TokenRefused as error:
            raise Blocked("imap_denied") from error

    def _opened(self, access_token: str) -> imap.Session:
        return self._stack.enter_context(
            imap.session(self._server, self._account.address, access_token, self._seconds)
        )
