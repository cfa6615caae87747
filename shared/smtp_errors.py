"""What a refusal of Exchange's mail submission means for us. Pure.

https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission
"""

from shared.errors import Blocked, TryAgain
from shared.imap_errors import TokenRefused


def outcome(status: int, text: str) -> Exception:
    """The error of ours for an SMTP reply; the text is never passed on.

    TokenRefused: one fresh token and one more try. A refusal that is not known is a passing one:
    nothing that was sent may be given up for a text that Microsoft has changed.
    """
    lowered = text.lower()
    if "smtpclientauthentication is disabled" in lowered:
        return Blocked("smtp_disabled", f"SMTP {status}")
    if status == 535:
        return TokenRefused("AUTH")
    if status == 432 or "thread limit exceeded" in lowered:
        return TryAgain("smtp_throttled", f"SMTP {status}")
    return TryAgain("smtp_unavailable", f"SMTP {status}")
