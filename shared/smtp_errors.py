"""What a refusal of Exchange's mail submission means for us. Pure.

https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission
https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online
"""

import re

from shared.errors import Blocked, Rejected, TryAgain
from shared.imap_errors import TokenRefused

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_SENT_TOO_MUCH = ("thread limit exceeded", "quota exceeded", "rate limit")
_TOO_LARGE = {"5.2.3", "5.3.4"}
_NOT_AS_THIS_SENDER = {"5.7.60", "5.2.252"}
_SUSPENDED = {"5.1.8", "5.7.501", "5.7.502", "5.7.503"}


class OutcomeUnknown(Exception):
    """The connection ended while the mail was under way: it was sent, or it was not."""


def outcome(status: int, text: str, *, about_mail: bool = True) -> Exception:
    """The error of ours for an SMTP reply; the text is never passed on, its numbers are.

    TokenRefused: one fresh token and one more try. What is not known goes by its class: 4yz may
    pass, 5yz is for good (RFC 5321 section 4.2.1). about_mail: False for what was said before
    there was one, of which only the server can be at fault.
    """
    found = _ENHANCED.match(text)
    enhanced, lowered = found[0] if found else "", text.lower()
    detail = f"SMTP {status} {enhanced}".strip()
    if enhanced == "5.7.139" or "smtpclientauthentication is disabled" in lowered:
        return Blocked("smtp_disabled", detail)
    if status == 535:
        return TokenRefused("AUTH")
    if status == 432 or any(sign in lowered for sign in _SENT_TOO_MUCH):
        return TryAgain("smtp_throttled", detail)
    if enhanced in _NOT_AS_THIS_SENDER or "sendasdenied" in lowered:
        return Blocked("send_as_denied", detail)
    if enhanced in _SUSPENDED or "outboundspam" in lowered:
        return Blocked("sending_suspended", detail)
    if status == 552 or enhanced in _TOO_LARGE:
        return Rejected("mail_too_large", detail, status=413)
    if status >= 500 and about_mail:
        return Rejected("mail_refused", detail, status=422)
    return TryAgain("smtp_unavailable", detail)
