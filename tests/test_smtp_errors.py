"""What Exchange says to mail that is sent: each text beside its outcome."""

import pytest

from shared import smtp_errors
from shared.errors import Blocked, TryAgain
from shared.imap_errors import TokenRefused

_DISABLED = "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "


@pytest.mark.parametrize(
    ("status", "text", "kind", "code"),
    [
        (535, "5.7.3 Authentication unsuccessful", TokenRefused, ""),
        (535, f"{_DISABLED}Tenant. Visit https://aka.ms/smtp_auth_disabled", Blocked, "disabled"),
        (535, f"{_DISABLED}Mailbox.", Blocked, "disabled"),
        (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", TryAgain, "throttled"),
        (421, "4.3.2 Service not active", TryAgain, "unavailable"),
        (550, "5.0.0 canary", TryAgain, "unavailable"),
    ],
)
def test_each_text_has_its_outcome(status: int, text: str, kind: type, code: str) -> None:
    found = smtp_errors.outcome(status, text)
    assert type(found) is kind
    assert getattr(found, "code", "") == (f"smtp_{code}" if code else "")
    assert "canary" not in str(found)
