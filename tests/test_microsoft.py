"""Microsoft's identity platform, through MSAL: sign-ins, tokens, and what goes wrong there."""

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared import id_token, instants
from shared.clouds import GLOBAL
from shared.errors import OperatorFault, ReconnectNeeded, Rejected, TryAgain, UnseenError
from shared.microsoft import Microsoft, SignIn
from tests.conftest import StartApp
from tests.lab.certificates import Authority
from tests.lab.not_microsoft.client import Control
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

type Kind = type[UnseenError]


@pytest.fixture
def app(shared_app: SteppedApp) -> SteppedApp:
    """The shared one: a sign-in that is not enrolled leaves nothing behind."""
    return shared_app


@pytest.fixture
def control(services: Services) -> Control:
    return services.microsoft


@pytest.fixture
def microsoft(app: SteppedApp) -> Microsoft:
    return app.parts.microsoft


def sign_in(app: SteppedApp, address: str, kind: str = "personal") -> SignIn:
    return app.parts.microsoft.finish(*app.answer_of(address, kind), instants.now())


def failure(app: SteppedApp, address: str) -> UnseenError:
    """What a sign-in ends in."""
    with pytest.raises(UnseenError) as caught:
        sign_in(app, address)
    return caught.value


def refresh(app: SteppedApp, cache: bytes) -> bytes:
    """The cache after one refresh."""
    return app.parts.microsoft.token(cache, instants.now(), force=True).cache


# The start


def test_t5_a_flow_has_pkce_nonce_and_a_state_of_its_own(microsoft: Microsoft) -> None:
    url, flow = microsoft.start()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert asked["state"] == flow["state"]
    assert len(flow["state"]) == 43
    assert flow["code_verifier"] not in url
    assert asked["prompt"] == "select_account"
    assert set(GLOBAL.scopes(sending=True)) < set(asked["scope"].split())


def test_no_two_flows_are_alike(microsoft: Microsoft) -> None:
    flows = [microsoft.start()[1] for _ in range(5)]
    for name in ("state", "nonce", "code_verifier"):
        assert len({flow[name] for flow in flows}) == 5


def test_the_platform_is_asked_about_itself_once(microsoft: Microsoft, control: Control) -> None:
    microsoft.start()
    control.next_answers("discovery", {"kind": "drop"})
    assert microsoft.start()


# The sign-in


@pytest.mark.parametrize("kind", ["personal", "work"])
def test_a_sign_in_says_who_it_is_and_brings_a_token(
    app: SteppedApp, control: Control, address: str, kind: str
) -> None:
    control.add_account(address, kind)
    (person,) = [one for one in control.accounts() if one["username"] == address]
    found = sign_in(app, address, kind)
    who = (found.identity.tid, found.identity.oid, found.identity.kind, found.identity.address)
    assert who == (person["tid"], person["oid"], kind, address)
    assert 3500 < (found.token.expires_at - instants.now()).total_seconds() <= 3600
    assert found.token.access_token


def test_t5_a_code_of_another_flow_is_refused(app: SteppedApp, address: str) -> None:
    _, answer = app.answer_of(address)
    _, other = app.parts.microsoft.start()
    with pytest.raises(Rejected, match=r"code_refused \(AADSTS501481\)"):
        app.parts.microsoft.finish(other, answer | {"state": other["state"]}, instants.now())


def test_t4_a_code_works_once(app: SteppedApp, address: str) -> None:
    flow, answer = app.answer_of(address)
    app.parts.microsoft.finish(flow, answer, instants.now())
    with pytest.raises(Rejected, match=r"code_refused \(AADSTS54005\)"):
        app.parts.microsoft.finish(flow, answer, instants.now())


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", "another"),
        ("iss", "https://evil.example/v2.0"),
        ("tid", id_token.PERSONAL_TENANT[::-1]),
        ("oid", None),
        ("exp", 1_700_000_000),
        ("nonce", "another"),
    ],
)
def test_t6_an_id_token_that_does_not_fit_is_refused(
    app: SteppedApp, control: Control, address: str, claim: str, value: Any
) -> None:
    control.next_id_token(**{claim: value})
    found = failure(app, address)
    assert (type(found), found.code) == (Rejected, "id_token_refused")
    assert found.detail in {claim, "tid"}


def test_who_was_connected_before_sending_was_switched_on_is_read_as_before(
    start_app: StartApp, address: str
) -> None:
    cache = sign_in(start_app(SENDING="false"), address).token.cache
    renewed = start_app().parts.microsoft.token(cache, instants.now(), force=True)
    assert renewed.renewed


def test_sending_switched_off_asks_for_less(start_app: StartApp, address: str) -> None:
    cache = sign_in(start_app(), address).token.cache
    app = start_app(SENDING="false")
    token = app.parts.microsoft.token(cache, instants.now(), force=True)
    assert app.services.microsoft.sends_as(token.access_token) == []


@pytest.mark.parametrize("scopes", [[], ["https://outlook.office.com/SMTP.Send"]])
def test_without_the_scope_for_mail_there_is_no_account(
    app: SteppedApp, control: Control, address: str, scopes: list[str]
) -> None:
    control.grant_scopes(scopes)
    assert failure(app, address).code == "scopes_missing"


def test_a_granted_scope_may_be_spelled_otherwise(
    app: SteppedApp, control: Control, address: str
) -> None:
    control.grant_scopes(["imap.accessasuser.all", "openid"])
    assert sign_in(app, address)


@pytest.mark.parametrize(("tenant", "kind"), [("organizations", "work"), ("consumers", "personal")])
def test_an_authority_of_one_kind_of_account_works(
    start_app: StartApp, services: Services, address: str, tenant: str, kind: str
) -> None:
    app = start_app(AUTHORITY=f"{services.microsoft_url}/{tenant}")
    assert sign_in(app, address, kind).identity.kind == kind


# Tokens


def test_a_token_that_is_good_costs_no_request(
    app: SteppedApp, control: Control, address: str
) -> None:
    first = sign_in(app, address).token
    again = app.parts.microsoft.token(first.cache, instants.now())
    assert (again.access_token, again.renewed) == (first.access_token, False)
    assert len(control.records(address)) == 1


def test_i4_a_refresh_brings_a_new_token_and_a_new_cache(
    app: SteppedApp, control: Control, address: str
) -> None:
    first = sign_in(app, address).token
    second = app.parts.microsoft.token(first.cache, instants.now(), force=True)
    assert second.renewed
    assert second.access_token != first.access_token
    assert refresh(app, second.cache)
    used = [one["refresh_in"] for one in control.records(address)]
    assert len(set(used)) == len(used) == 3


def test_a_cache_without_a_refresh_token_needs_its_owner(microsoft: Microsoft) -> None:
    with pytest.raises(ReconnectNeeded):
        microsoft.token(b"{}", instants.now())


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"kind": "invalid_grant"}, ReconnectNeeded, "sign_in_again"),
        ({"kind": "interaction_required"}, ReconnectNeeded, "sign_in_interaction"),
        ({"kind": "consent_required"}, ReconnectNeeded, "consent_missing"),
        ({"kind": "policy"}, ReconnectNeeded, "policy_refused"),
        ({"kind": "secret_expired"}, OperatorFault, "operator_credentials"),
        ({"kind": "temporarily_unavailable"}, TryAgain, "microsoft_unavailable"),
        ({"kind": "status", "status": 429}, TryAgain, "microsoft_unavailable"),
        ({"kind": "status", "status": 500}, TryAgain, "microsoft_unavailable"),
        ({"kind": "status", "status": 503}, TryAgain, "microsoft_unavailable"),
        ({"kind": "html"}, TryAgain, "microsoft_unavailable"),
        ({"kind": "cut_json"}, TryAgain, "microsoft_unavailable"),
        ({"kind": "drop"}, TryAgain, "microsoft_unavailable"),
        ({"kind": "lost_answer"}, TryAgain, "microsoft_unavailable"),
    ],
    ids=lambda value: value.get("status", value["kind"]) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("moment", ["sign-in", "refresh"])
def test_each_fault_of_the_platform_has_its_outcome(
    app: SteppedApp,
    control: Control,
    address: str,
    moment: str,
    fault: dict[str, Any],
    kind: Kind,
    code: str,
) -> None:
    cache = sign_in(app, address).token.cache if moment == "refresh" else b""
    control.next_answers("token", fault)
    with pytest.raises(kind) as caught:
        refresh(app, cache) if cache else sign_in(app, address)
    assert caught.value.code == code


@pytest.mark.parametrize(("asked", "seconds"), [(17, 17), (999_999, 3600)])
def test_f1_a_delay_that_is_asked_for_is_kept_up_to_an_hour(
    app: SteppedApp, control: Control, address: str, asked: int, seconds: int
) -> None:
    cache = sign_in(app, address).token.cache
    control.next_answers("token", {"kind": "status", "status": 429, "retry_after": asked})
    with pytest.raises(TryAgain) as caught:
        refresh(app, cache)
    assert caught.value.retry_after_seconds == seconds


def test_f5_a_wrong_secret_is_ours_to_fix(start_app: StartApp, address: str) -> None:
    found = failure(start_app(CLIENT_SECRET="wrong"), address)
    assert (type(found), found.detail) == (OperatorFault, "AADSTS7000215")


def test_an_authority_that_does_not_exist_is_ours_to_fix(
    start_app: StartApp, control: Control
) -> None:
    control.next_answers("discovery", {"kind": "status", "status": 400})
    with pytest.raises(OperatorFault, match="AUTHORITY"):
        start_app().parts.microsoft.start()


@pytest.mark.parametrize("kind", ["drop", "html", "cut_json", "status"])
def test_f2_a_platform_that_can_not_be_asked_about_itself_is_a_passing_fault(
    start_app: StartApp, control: Control, kind: str
) -> None:
    microsoft = start_app().parts.microsoft
    control.next_answers("discovery", {"kind": kind})
    with pytest.raises(TryAgain):
        microsoft.start()
    assert microsoft.start()


def test_a_platform_that_can_not_be_trusted_is_not_asked(
    start_app: StartApp, authority: Authority
) -> None:
    app = start_app(SSL_CERT_FILE=str(authority.ca_file))
    with pytest.raises(TryAgain, match="SSLError"):
        app.parts.microsoft.start()


def test_the_environments_proxies_and_authorities_are_not_used(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    microsoft = start_app().parts.microsoft
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert microsoft.start()


def test_t10_no_code_or_token_is_logged_or_told(
    app: SteppedApp, control: Control, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        flow, answer = app.answer_of(address)
        token = app.parts.microsoft.finish(flow, answer, instants.now()).token
        control.next_answers("token", {"kind": "html"}, {"kind": "cut_json"})
        for _ in range(2):
            with pytest.raises(TryAgain) as caught:
                refresh(app, token.cache)
            assert "maintenance" not in str(caught.value)
    secrets = (answer["code"], flow["code_verifier"], token.access_token, "maintenance")
    assert not [secret for secret in secrets if secret in caplog.text]
    assert token.access_token not in repr(token)
