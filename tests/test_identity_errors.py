"""What an answer of the identity platform means: each number of its documentation once."""

import pytest

from shared import identity_errors
from shared.errors import OperatorFault, ReconnectNeeded, Rejected, TryAgain, UnseenError

type Kind = type[UnseenError]

# (what an answer says in `error` beside the number, class, code) → the numbers
_BY_NUMBER: dict[tuple[str, Kind, str], list[int]] = {
    ("access_denied", Rejected, "cancelled"): [65004],
    ("invalid_grant", ReconnectNeeded, "sign_in_again"): [
        *(50173, 700082, 70008, 70000, 50089, 50132),
        *(50133, 70043, 700084, 50058, 50078, 700020),
    ],
    ("interaction_required", ReconnectNeeded, "sign_in_interaction"): [50072, 50074, 50076, 50079],
    ("interaction_required", ReconnectNeeded, "policy_refused"): [
        *(53000, 53001, 53002, 53003, 530032, 530035),
        *(50131, 50105, 500021, 500212, 500213),
    ],
    ("consent_required", ReconnectNeeded, "consent_missing"): [65001],
    ("consent_required", ReconnectNeeded, "admin_consent_needed"): [90094, 90095, 90008, 650052],
    ("invalid_grant", ReconnectNeeded, "wrong_account"): [
        *(50020, 50034, 51004, 500208, 16000, 90072, 50194, 9002332),
    ],
    ("invalid_grant", ReconnectNeeded, "account_disabled"): [50053, 50055, 50057, 50144],
    ("invalid_client", OperatorFault, "operator_credentials"): [
        *(7000215, 7000222, 70002, 700027, 7000218, 700025),
    ],
    ("invalid_request", OperatorFault, "operator_registration"): [
        *(700016, 7000112, 50011, 70011, 28002, 900144, 65005, 650057, 90002, 700229, 500112),
    ],
    ("invalid_grant", Rejected, "code_refused"): [54005, 501481, 700005],
    ("temporarily_unavailable", TryAgain, "microsoft_unavailable"): [
        *(50033, 50087, 90006, 90012, 90024, 90033, 90055, 70012, 50196),
    ],
}
_ROWS = [(*outcome, number) for outcome, numbers in _BY_NUMBER.items() for number in numbers]


def translate(error: str, number: int = 0, status: int = 400) -> UnseenError:
    description = f"AADSTS{number}: something. Trace ID: 1 Timestamp: 2026" if number else ""
    return identity_errors.translate(error, description, status=status)


@pytest.mark.parametrize(("error", "kind", "code", "number"), _ROWS)
def test_each_number_has_its_outcome(error: str, kind: Kind, code: str, number: int) -> None:
    found = translate(error, number)
    assert (type(found), found.code, found.detail) == (kind, code, f"AADSTS{number}")


@pytest.mark.parametrize(("error", "kind", "code", "number"), _ROWS)
def test_a_number_means_the_same_under_another_error(
    error: str, kind: Kind, code: str, number: int
) -> None:
    for other in ("invalid_grant", "interaction_required", "access_denied", ""):
        found = translate(other, number)
        assert (type(found), found.code) == (kind, code)


def test_50196_says_that_we_are_looping_and_stops_for_an_hour() -> None:
    found = translate("invalid_grant", 50196)
    assert isinstance(found, TryAgain)
    assert found.retry_after_seconds == 3600


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ("access_denied", Rejected, "cancelled"),
        ("invalid_grant", ReconnectNeeded, "sign_in_again"),
        ("interaction_required", ReconnectNeeded, "sign_in_interaction"),
        ("login_required", ReconnectNeeded, "sign_in_interaction"),
        ("consent_required", ReconnectNeeded, "consent_missing"),
        ("invalid_client", OperatorFault, "operator_credentials"),
        ("unauthorized_client", OperatorFault, "operator_registration"),
        ("invalid_scope", OperatorFault, "operator_registration"),
        ("invalid_request", OperatorFault, "operator_registration"),
        ("temporarily_unavailable", TryAgain, "microsoft_unavailable"),
        ("server_error", TryAgain, "microsoft_unavailable"),
        ("", TryAgain, "microsoft_unavailable"),
        ("something new", TryAgain, "microsoft_unavailable"),
    ],
)
@pytest.mark.parametrize("number", [0, 1234567])
def test_without_a_known_number_the_error_decides(
    error: str, kind: Kind, code: str, number: int
) -> None:
    found = translate(error, number)
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_f2_a_busy_platform_is_no_answer_about_the_account(status: int) -> None:
    found = translate("invalid_grant", 50173, status)
    assert isinstance(found, TryAgain)
    assert found.detail == f"HTTP {status}"


@pytest.mark.parametrize("status", [400, 429, 503])
def test_f1_the_delay_that_was_asked_for_rides_along(status: int) -> None:
    error = "temporarily_unavailable"
    found = identity_errors.translate(error, status=status, retry_after_seconds=17)
    assert isinstance(found, TryAgain)
    assert found.retry_after_seconds == 17


@pytest.mark.parametrize("number", [7000222, 700016])
def test_f5_a_fault_of_ours_never_says_anything_about_the_account(number: int) -> None:
    for error in ("invalid_grant", "interaction_required", "access_denied", ""):
        assert isinstance(translate(error, number), OperatorFault)


def test_i6_nothing_of_the_platforms_text_is_in_the_error() -> None:
    found = identity_errors.translate(
        "invalid_grant", "AADSTS50173: ada@outlook.example, token M.C5_secret"
    )
    assert str(found) == "sign_in_again (AADSTS50173)"


@pytest.mark.parametrize(
    ("description", "number"),
    [
        ("AADSTS50173: The grant was revoked. AADSTS70008", 50173),
        ("no number", 0),
        ("AADSTS", 0),
        ("AADSTS999999999999: too long", 99999999),
    ],
)
def test_the_first_number_counts(description: str, number: int) -> None:
    assert identity_errors.aadsts(description) == number
