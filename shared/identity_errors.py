"""What an answer of Microsoft's identity platform means for us. Pure.

`error` decides first; the AADSTS numbers refine it, since Microsoft may change them.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re

from shared.errors import OperatorFault, ReconnectNeeded, Rejected, TryAgain, UnseenError

_AADSTS = re.compile(r"AADSTS(\d{3,8})")

_POLICY = {53000, 53001, 53002, 53003, 530032, 530035, 50131, 50105, 500021, 500212, 500213}
_MFA = {50072, 50074, 50076, 50079}
_CONSENT = {65001, 90094, 90095, 90008, 650052}
_WRONG_ACCOUNT = {50020, 50034, 51004, 500208, 16000, 90072, 50194, 9002332}
_DISABLED = {50053, 50055, 50057, 50144}
_CREDENTIALS = {7000215, 7000222, 70002, 700016, 7000112, 700027, 7000218, 700025}
_REGISTRATION = {50011, 70011, 28002, 900144, 65005, 650057, 90002, 700229, 500112, 700022}
_START_AGAIN = {54005, 501481, 700005}
_TRANSIENT = {50033, 50087, 90006, 90012, 90024, 90033, 90055, 70012, 50196}


def aadsts(description: str) -> int:
    """The first AADSTS number of an error's description, or 0."""
    match = _AADSTS.search(description)
    return int(match[1]) if match else 0


def translate(
    error: str,
    description: str = "",
    *,
    status: int = 0,
    retry_after_seconds: float | None = None,
) -> UnseenError:
    """The error that says what to do; its detail is the AADSTS number, never the text."""
    number = aadsts(description)
    detail = f"AADSTS{number}" if number else ""
    if number in _TRANSIENT or error in {"temporarily_unavailable", "server_error"}:
        return _passing(detail, retry_after_seconds)
    if status == 429 or status >= 500:
        return _passing(f"HTTP {status}", retry_after_seconds)
    if number in _CREDENTIALS or error in {"invalid_client", "unauthorized_client"}:
        return OperatorFault("operator_credentials", detail)
    if number in _REGISTRATION or error in {"invalid_scope", "unsupported_grant_type"}:
        return OperatorFault("operator_registration", detail)
    return _about_the_account(error, number, detail)


def _passing(detail: str, retry_after_seconds: float | None) -> TryAgain:
    return TryAgain("microsoft_unavailable", detail, retry_after_seconds=retry_after_seconds)


def _about_the_account(error: str, number: int, detail: str) -> UnseenError:
    by_number = (
        (_POLICY, ReconnectNeeded("policy_refused", detail)),
        (_CONSENT, ReconnectNeeded("consent_missing", detail)),
        (_MFA, ReconnectNeeded("sign_in_interaction", detail)),
        (_WRONG_ACCOUNT, ReconnectNeeded("wrong_account", detail)),
        (_DISABLED, ReconnectNeeded("account_disabled", detail)),
        (_START_AGAIN, Rejected("code_refused", detail)),
        ({65004}, Rejected("cancelled", detail)),
    )
    for numbers, outcome in by_number:
        if number in numbers:
            return outcome
    match error:
        case "access_denied":
            return Rejected("cancelled", detail)
        case "consent_required":
            return ReconnectNeeded("consent_missing", detail)
        case "interaction_required" | "login_required":
            return ReconnectNeeded("sign_in_interaction", detail)
        case "invalid_grant":
            return ReconnectNeeded("sign_in_again", detail)
        case "invalid_request" | "unsupported_response_type" | "invalid_resource":
            return OperatorFault("operator_registration", detail)
        case _:
            return _passing(detail or "unknown error", None)
