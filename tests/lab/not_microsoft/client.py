"""The control API's client, for tests and for the lab."""

from typing import Any

import requests


class Control:
    """Tells NotMicrosoft what to do; one method per action."""

    def __init__(self, url: str, ca_file: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file

    def add_account(self, username: str, kind: str = "personal", **about: Any) -> dict[str, Any]:
        """about: tid, oid, email, mailboxes (names besides the username), owns_mailbox."""
        found: dict[str, Any] = self._act("add_account", username=username, kind=kind, **about)
        return found

    def accounts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._act("accounts")
        return found

    def token_lifetime(self, seconds: int, username: str = "") -> None:
        self._act("token_lifetime", seconds=seconds, username=username)

    def expire_access_tokens(self, username: str = "") -> int:
        return int(self._act("expire_access_tokens", username=username))

    def revoke(self, username: str) -> int:
        return int(self._act("revoke", username=username))

    def sends_as(self, token: str) -> list[str]:
        """The addresses that a token may send as, in lower case; none where it may not at all."""
        return list(self._act("sends_as", token=token))

    def withdraw_consent(self, username: str) -> None:
        self._act("withdraw_consent", username=username)

    def next_answers(self, endpoint: str, *faults: dict[str, Any]) -> None:
        """endpoint: token, discovery, introspect or authorize; faults: see `switches.Fault`."""
        self._act("next_answers", endpoint=endpoint, faults=list(faults))

    def next_id_token(self, **claims: Any) -> None:
        """Claims of the next id_token that are not true; None takes a claim away."""
        self._act("next_id_token", claims=claims)

    def grant_scopes(self, scopes: list[str] | None) -> None:
        self._act("grant_scopes", scopes=scopes)

    def rotation(self, *, strict: bool) -> None:
        self._act("rotation", strict=strict)

    def allow_app(self, mailbox: str) -> None:
        """The app may open the mailbox of its tenant, as Add-MailboxPermission does."""
        self._act("allow_app", mailbox=mailbox)

    def forbid_app(self, mailbox: str) -> None:
        self._act("forbid_app", mailbox=mailbox)

    def consent_app(self, tenant: str) -> None:
        """An administrator's consent; tenant: an id or a domain."""
        self._act("consent_app", tenant=tenant)

    def withdraw_app(self, tenant: str) -> None:
        self._act("withdraw_app", tenant=tenant)

    def expire_app_tokens(self) -> None:
        self._act("expire_app_tokens")

    def trust_certificate(self, pem: str) -> str:
        return str(self._act("trust_certificate", pem=pem))

    def trust_identity(self, issuer: str, subject: str, public_key: str) -> None:
        self._act("trust_identity", issuer=issuer, subject=subject, public_key=public_key)

    def records(self, username: str = "") -> list[dict[str, Any]]:
        """Token requests since the reset, of one account where it is named."""
        found: list[dict[str, Any]] = self._act("records")
        wanted = {"", username.casefold()}
        return [one for one in found if not username or one["username"].casefold() in wanted]

    def current_refresh_fingerprint(self, username: str) -> str:
        return str(self._act("current_refresh_fingerprint", username=username))

    def reset(self) -> None:
        self._act("reset")

    def _act(self, action: str, **arguments: Any) -> Any:
        answer = self._session.post(f"{self._url}/{action}", json=arguments, timeout=10)
        content = answer.json()
        if answer.status_code != 200:
            raise ValueError(f"{action}: {content['error']}")
        return content["answer"]
