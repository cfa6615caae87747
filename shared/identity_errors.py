"""What an answer of Microsoft's identity platform means for us. Pure.

`error` decides where no number does; the AADSTS numbers refine it, since Microsoft may change them.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re

from shared.errors import UnseenError, of_account

_AADSTS = re.compile(r"AADSTS(\d{3,8})")
_LOOPING = 50196
_LOOP_SECONDS = 3600

# Code of the catalogue → AADSTS numbers.
NUMBERS: dict[str, tuple[int, ...]] = {
    "cancelled": (65004,),
    "sign_in_again": (
        *(50173, 700082, 70008, 70000, 50089, 50132, 50133, 70043, 700084, 50058, 50078, 700020),
    ),
    "sign_in_interaction": (50072, 50074, 50076, 50079),
    "policy_refused": (
        *(53000, 53001, 53002, 53003, 530032, 530035, 50131, 50105, 500021, 500212, 500213),
    ),
    "consent_missing": (65001,),
    "admin_consent_needed": (90094, 90095, 90008, 650052),
    "wrong_account": (50020, 50034, 51004, 500208, 16000, 90072, 50194, 9002332),
    "account_disabled": (50053, 50055, 50057, 50144),
    "operator_credentials": (7000215, 7000222, 70002, 700027, 7000218, 700025),
    "operator_registration": (
        *(
            700016,
            7000112,
            50011,
            70011,
            28002,
            900144,
            65005,
            650057,
            90002,
            700229,
            500112,
            700022,
        ),
        9001023,
    ),
    "code_refused": (54005, 501481, 700005),
    "microsoft_unavailable": (*(50033, 50087, 90006, 90012, 90024, 90033, 90055, 70012, _LOOPING),),
}
# Code of the catalogue → values of `error` that it stands for where the number is not known.
CLASSES: dict[str, tuple[str, ...]] = {
    "cancelled": ("access_denied",),
    "sign_in_again": ("invalid_grant",),
    "sign_in_interaction": ("interaction_required", "login_required"),
    "consent_missing": ("consent_required",),
    "operator_credentials": ("invalid_client",),
    "operator_registration": (
        *("unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request"),
        *("unsupported_response_type", "invalid_resource"),
    ),
    "microsoft_unavailable": ("temporarily_unavailable", "server_error"),
}
_BY_NUMBER = {number: code for code, numbers in NUMBERS.items() for number in numbers}
_BY_CLASS = {error: code for code, errors in CLASSES.items() for error in errors}
_OURS = ("operator_credentials", "operator_registration")
_PASSING = "microsoft_unavailable"


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
    """The error that says what to do; its detail is the AADSTS number, never the text.

    A busy platform says nothing about an account, and a fault of ours neither.
    """
    number = aadsts(description)
    by_number, by_class = _BY_NUMBER.get(number, ""), _BY_CLASS.get(error, "")
    detail = f"AADSTS{number}" if number else ""
    if _PASSING not in (by_number, by_class) and (status == 429 or status >= 500):
        return of_account(_PASSING, f"HTTP {status}", retry_after_seconds=retry_after_seconds)
    if number == _LOOPING:
        retry_after_seconds = max(retry_after_seconds or 0, _LOOP_SECONDS)
    if _PASSING in (by_number, by_class):
        code = _PASSING
    elif by_number not in _OURS and by_class == "operator_credentials":
        code = by_class
    else:
        code = by_number or by_class or _PASSING
    unknown = "" if by_number or by_class else "unknown error"
    return of_account(code, detail or unknown, retry_after_seconds=retry_after_seconds)
