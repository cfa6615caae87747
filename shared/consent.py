"""Consent: an administrator's return from Microsoft, to the same callback as a login's.

The state says for which tenant it is. Whatever the query claims, the one thing that is done is to
ask Microsoft for a token of that tenant; only if there is one, the tenant's blocked accounts are
due.
"""

import logging
from datetime import datetime

from shared import identity_errors, instants
from shared.accounts import Accounts
from shared.consents import Consent, Consents
from shared.errors import OperatorFault, Rejected, UnseenError, page_status
from shared.logs import Log
from shared.pages import Look
from shared.tenant_tokens import TenantTokens
from shared.web import Answer, Request

log = Log(__name__)


class AdminConsent:
    """The return of an administrator."""

    def __init__(
        self, consents: Consents, tenants: TenantTokens, accounts: Accounts, look: Look
    ) -> None:
        self._consents = consents
        self._tenants = tenants
        self._accounts = accounts
        self._look = look

    def finish(self, request: Request, now: datetime) -> Answer | None:
        """The page; None where the state is not of a consent. Raises nothing a page can say."""
        try:
            consent = self._consents.find(request.query.get("state", ""))
            if consent is None:
                return None
            self._check(consent, request, now)
            self._tenants.ask(consent.tid, now)
            count = self._accounts.check_blocked_of(consent.tid, now)
        except UnseenError as error:
            level = logging.ERROR if isinstance(error, OperatorFault) else logging.INFO
            log.at(level, "consent_failed", error=error)
            return self._page(page_status(error), self._look.consent_failed(error.code))
        log.info("consent", tenant=consent.tid, accounts=count)
        return self._page(200, self._look.consented())

    def _check(self, consent: Consent, request: Request, now: datetime) -> None:
        query = request.query
        if consent.expires_at <= instants.text(now):
            raise Rejected("consent_expired")
        if "code" in query or query.get("tenant", consent.tid).lower() != consent.tid:
            raise Rejected("consent_refused")
        if "error" in query:
            raise identity_errors.translate(query["error"], query.get("error_description", ""))
        if query.get("admin_consent", "").lower() != "true":
            raise Rejected("consent_refused")

    def _page(self, status: int, html: str) -> Answer:
        return Answer(status, html, headers=self._look.headers(referrer="no-referrer"))
