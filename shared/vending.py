"""Vending: an access token for a connected mailbox, so that any IMAP or SMTP library can use it.

Off unless ACCESS_TOKEN_KEY is set. Each token that is given out, and each refusal, is a line in
the log; the refresh token never leaves.
"""

from typing import Any

from shared import ids, instants, web
from shared.account_guard import AccountGuard
from shared.account_rows import APP_ONLY
from shared.errors import ReconnectNeeded, Rejected, UnseenError
from shared.logs import Log
from shared.renew import Renewal
from shared.settings import Settings

log = Log(__name__)


class Vending:
    """Gives access tokens to whoever has the key for it."""

    def __init__(
        self, settings: Settings, guard: AccountGuard, renewal: Renewal, clock: instants.Clock
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._renewal = renewal
        self._now = clock

    def token(self, account_id: str, key: str) -> dict[str, Any]:
        """A token that is good for a while, and where to use it.

        Raises Rejected: 404 where vending is off or there is no such account, 401 for a wrong
        key, 409 with a link where its owner has to sign in; and what `Renewal.token` raises.
        """
        try:
            self._check_key(key)
            account = self._guard.account(account_id)
            token = self._renewal.token(account, self._now())
        except ReconnectNeeded as error:
            log.warning("access_token_refused", account=account_id, error=error)
            raise self._guard.reconnect(error.code) from None
        except UnseenError as error:
            log.warning("access_token_refused", code=error.code)
            raise
        log.info("access_token_given_out", account=account.id)
        settings, kind = self._settings, account.kind
        return {
            "access_token": token.access_token,
            "expires_at": instants.text(token.expires_at),
            "address": account.address,
            "imap_host": settings.imap_host,
            "imap_port": settings.imap_port,
            "smtp_host": settings.smtp_host_of(kind),
            "smtp_port": settings.smtp_port,
            "scope": settings.cloud.app_scope if kind == APP_ONLY else " ".join(settings.scopes),
        }

    def _check_key(self, key: str) -> None:
        wanted = self._settings.access_token_key
        if not wanted:
            raise Rejected("access_tokens_off", status=404)
        if not web.same(ids.sha256_hex(key), ids.sha256_hex(wanted)):
            raise Rejected("access_token_key_wrong", status=401)
