"""Who of the accounts may be used: the one that is asked for, if it is there and signed in."""

from shared.account_rows import Account
from shared.accounts import Accounts
from shared.directory import known_form
from shared.errors import Rejected

RECONNECT = "reconnect_required"


class AccountGuard:
    """Finds accounts for routes that use their sign-in. login_url: where owners sign in again."""

    def __init__(self, accounts: Accounts, login_url: str) -> None:
        self._accounts = accounts
        self._login_url = login_url

    def account(self, account_id: str) -> Account:
        """The account; raises Rejected 404 `account_unknown`, and `reconnect` of its code."""
        account = self._accounts.get(known_form(account_id))
        if account is None or account.deleted_at:
            raise Rejected("account_unknown", status=404)
        if account.status == RECONNECT:
            raise self.reconnect(account.code or "sign_in_again")
        return account

    def reconnect(self, code: str) -> Rejected:
        """A conflict, with the link at which the owner signs in again."""
        return Rejected(code, RECONNECT, status=409, more={"link": self._login_url})
