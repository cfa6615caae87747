"""The guard before an account's sign-in: only what is there and signed in is used."""

import pytest

from shared.account_rows import Account
from shared.errors import Rejected
from tests.lab.stepped_app import SteppedApp


@pytest.fixture
def account(app: SteppedApp, address: str) -> Account:
    return app.settled(address)


@pytest.mark.parametrize("status", ["active", "paused", "blocked"])
def test_an_account_that_is_signed_in_may_be_used(
    app: SteppedApp, account: Account, status: str
) -> None:
    app.edit("accounts", account.shard, account.id, status=status)
    assert app.parts.account_guard.account(account.id).status == status


@pytest.mark.parametrize(
    ("code", "told"), [("account_disabled", "account_disabled"), ("", "sign_in_again")]
)
def test_one_whose_row_says_that_its_owner_has_to_sign_in_is_not_tried(
    app: SteppedApp, account: Account, code: str, told: str
) -> None:
    """Its token is still good: nobody is asked."""
    app.edit("accounts", account.shard, account.id, status="reconnect_required", code=code)
    with pytest.raises(Rejected) as refused:
        app.parts.account_guard.account(account.id)
    assert (refused.value.code, refused.value.status) == (told, 409)
    link = f"{app.parts.settings.public_base_url}/api/login"
    assert refused.value.more == {"link": link}


def test_one_that_was_removed_is_as_unknown_as_any_other(app: SteppedApp, account: Account) -> None:
    app.parts.disconnect.disconnect(account.id)
    for account_id in (account.id, "acc_" + "a" * 26, "system", "x"):
        with pytest.raises(Rejected) as refused:
            app.parts.account_guard.account(account_id)
        assert (refused.value.code, refused.value.status) == ("account_unknown", 404)
