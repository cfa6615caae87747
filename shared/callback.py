"""Callback: one redirect URI for logins and for consents, told apart by their stored states."""

from datetime import datetime

from shared.connect import Connect
from shared.consent import AdminConsent
from shared.web import Answer, Request


class Callback:
    """Where Microsoft sends browsers back to."""

    def __init__(self, consent: AdminConsent, connect: Connect) -> None:
        self._consent = consent
        self._connect = connect

    def finish(self, request: Request, now: datetime) -> Answer:
        """The state of a consent needs no cookie, and that of a login never works without."""
        return self._consent.finish(request, now) or self._connect.finish(request, now)
