"""What Exchange says to mail that is sent: each text beside its outcome."""

import pytest

from shared import smtp_errors
from shared.errors import Blocked, Rejected, TryAgain
from shared.imap_errors import TokenRefused

_DISABLED = "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "


@pytest.mark.parametrize(
    ("status", "text", "kind", "code"),
    [
        (535, "5.7.3 Authentication unsuccessful", TokenRefused, ""),
        (535, f"{_DISABLED}Tenant. Visit it", Blocked, "smtp_disabled"),
        (535, f"{_DISABLED}Mailbox.", Blocked, "smtp_disabled"),
        (535, "5.7.139 Authentication unsuccessful, a policy", Blocked, "smtp_disabled"),
        (432, "4.3.2 STOREDRV; sender thread limit exceeded", TryAgain, "smtp_throttled"),
        (554, "5.2.2 STOREDRV; submission quota exceeded", TryAgain, "smtp_throttled"),
        (421, "4.3.2 Service not active", TryAgain, "smtp_unavailable"),
        (454, "4.7.0 Temporary authentication failure", TryAgain, "smtp_unavailable"),
        (550, "5.7.60 SMTP; Client does not have permissions", Blocked, "send_as_denied"),
        (554, "5.2.252 SendAsDenied; x@y.example", Blocked, "send_as_denied"),
        (554, "5.2.0 STOREDRV; SendAsDeniedException", Blocked, "send_as_denied"),
        (550, "5.1.8 Access denied, bad outbound sender", Blocked, "sending_suspended"),
        (550, "5.7.501 Access denied, spam abuse detected", Blocked, "sending_suspended"),
        (552, "5.3.4 Message size exceeds", Rejected, "mail_too_large"),
        (550, "5.0.0 canary", Rejected, "mail_refused"),
        (550, "canary", Rejected, "mail_refused"),
    ],
)
def test_each_text_has_its_outcome(status: int, text: str, kind: type, code: str) -> None:
    found = smtp_errors.outcome(status, text)
    assert (type(found), getattr(found, "code", "")) == (kind, code)


def test_of_what_the_server_said_the_numbers_are_passed_on() -> None:
    found = smtp_errors.outcome(550, "5.1.10 canary@x.example unknown")
    assert isinstance(found, Rejected)
    assert (found.detail, found.status) == ("SMTP 550 5.1.10", 422)
