"""Vending: access tokens for other libraries, and to whom they are not given."""

import imaplib
import logging
import ssl

import pytest
import requests

from shared import instants
from shared.account_rows import Account
from shared.errors import Rejected
from shared.vending import Vending
from tests.conftest import StartApp, StartLab
from tests.lab.stepped_app import SteppedApp
from tests.log_lines import lines

_KEY = "a long random text of the operator's"


@pytest.fixture
def open_app(start_app: StartApp) -> SteppedApp:
    return start_app(ACCESS_TOKEN_KEY=_KEY, SMTP_HOST="localhost:1587")


@pytest.fixture
def account(open_app: SteppedApp, address: str) -> Account:
    return open_app.settled(address)


@pytest.fixture
def vending(open_app: SteppedApp) -> Vending:
    return open_app.parts.vending


def test_any_imap_library_can_use_what_is_given_out(
    open_app: SteppedApp, vending: Vending, account: Account, address: str
) -> None:
    given = vending.token(account.id, _KEY)
    tls = ssl.create_default_context(cafile=str(open_app.services.ca_file))
    with imaplib.IMAP4_SSL(given["imap_host"], given["imap_port"], ssl_context=tls) as library:
        sasl = f"user={given['address']}\x01auth=Bearer {given['access_token']}\x01\x01"
        assert library.authenticate("XOAUTH2", lambda _: sasl.encode())[0] == "OK"
    assert (given["address"], given["smtp_host"], given["smtp_port"]) == (
        address,
        "localhost",
        1587,
    )
    resource = "https://outlook.office.com"
    assert given["scope"] == f"{resource}/IMAP.AccessAsUser.All {resource}/SMTP.Send"
    assert given["expires_at"] > instants.after(instants.now(), 20 * 60)


def test_a_token_with_little_time_left_is_renewed_first(
    open_app: SteppedApp, vending: Vending, account: Account, address: str
) -> None:
    soon = instants.after(instants.now(), 60)
    open_app.edit("tokens", account.shard, account.id, expires_at=soon)
    assert vending.token(account.id, _KEY)["expires_at"] > soon
    assert open_app.services.microsoft.records(address)[-1]["grant_type"] == "refresh_token"


def test_the_refresh_token_never_leaves(vending: Vending, account: Account) -> None:
    given = vending.token(account.id, _KEY)
    assert set(given) == {
        *("access_token", "expires_at", "address", "scope"),
        *("imap_host", "imap_port", "smtp_host", "smtp_port"),
    }
    assert "M.C5_BAY" not in str(given)


@pytest.mark.parametrize("key", ["", "wrong", _KEY[:-1], f"{_KEY} ", "\u00e9"])
def test_t34_without_the_key_no_account_is_even_looked_at(
    vending: Vending, account: Account, key: str
) -> None:
    for account_id in (account.id, "acc_" + "a" * 26, "nonsense"):
        with pytest.raises(Rejected) as refused:
            vending.token(account_id, key)
        assert (refused.value.code, refused.value.status) == ("access_token_key_wrong", 401)


@pytest.mark.parametrize("key", ["", _KEY])
def test_without_the_setting_it_is_off(app: SteppedApp, key: str) -> None:
    with pytest.raises(Rejected) as refused:
        app.parts.vending.token("acc_" + "a" * 26, key)
    assert (refused.value.code, refused.value.status) == ("access_tokens_off", 404)


def test_each_token_is_in_the_log_with_the_account_and_without_the_token(
    vending: Vending, account: Account, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        given = vending.token(account.id, _KEY)
        with pytest.raises(Rejected):
            vending.token(account.id, "wrong")
    assert {"event": "access_token_given_out", "account": account.id} in lines(caplog)
    assert {"event": "access_token_refused", "code": "access_token_key_wrong"} in lines(caplog)
    for secret in (given["access_token"], _KEY, address):
        assert secret not in caplog.text


def test_a_paused_account_has_a_token_all_the_same(
    open_app: SteppedApp, vending: Vending, account: Account
) -> None:
    open_app.parts.directory.change(account.id, {"status": "paused"})
    assert vending.token(account.id, _KEY)["access_token"]


def test_where_the_owner_has_to_sign_in_the_answer_has_the_link(
    open_app: SteppedApp, vending: Vending, account: Account, address: str
) -> None:
    open_app.services.microsoft.revoke(address)
    soon = instants.after(instants.now(), 60)
    open_app.edit("tokens", account.shard, account.id, expires_at=soon)
    link = f"{open_app.parts.settings.public_base_url}/api/login"
    for _ in range(2):  # the second time the account's row says so
        with pytest.raises(Rejected) as refused:
            vending.token(account.id, _KEY)
        assert (refused.value.code, refused.value.status) == ("sign_in_again", 409)
        assert refused.value.more == {"link": link}
        open_app.edit("accounts", account.shard, account.id, status="reconnect_required")


@pytest.mark.parametrize("name", ["acc_" + "a" * 26, "system", "x"])
def test_what_is_no_account_is_not_found(vending: Vending, account: Account, name: str) -> None:
    with pytest.raises(Rejected) as refused:
        vending.token(name, _KEY)
    assert (refused.value.code, refused.value.status) == ("account_unknown", 404)


def test_over_http_both_keys_are_needed_and_nothing_is_cached(
    start_lab: StartLab, address: str
) -> None:
    lab = start_lab(settings={"ACCESS_TOKEN_KEY": _KEY})
    lab.connect(address)
    path = f"accounts/{lab.account(address)['id']}/access-token"
    assert lab.host.api("POST", path).status_code == 401
    given = lab.host.api("POST", f"{path}?x-access-token-key={_KEY}")
    assert given.status_code == 400 and _KEY not in given.text
    assert _post(lab.host.base_url, path, "wrong") == 401
    assert _post(lab.host.base_url, path, lab.host.function_key) == 200
    lab.host.kill()
    assert "EwB4" not in lab.host.log() and _KEY not in lab.host.log()


def _post(base_url: str, path: str, function_key: str) -> int:
    headers = {"x-functions-key": function_key, "x-access-token-key": _KEY}
    answer = requests.post(f"{base_url}/api/{path}", headers=headers, timeout=20)
    assert answer.status_code != 200 or answer.headers["Cache-Control"] == "no-store"
    return answer.status_code
