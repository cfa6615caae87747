"""The control API under `/control/`: what no test could ask of the real platform."""

from collections.abc import Callable
from typing import Any

from .app_only import AppOnly
from .assertions import Assertions
from .people import People, Person
from .records import Records
from .switches import Fault, Switches
from .tokens import Tokens


class ControlApi:
    """One method per action; arguments are the request's JSON, unknown ones are an error."""

    def __init__(
        self,
        people: People,
        tokens: Tokens,
        switches: Switches,
        records: Records,
        assertions: Assertions,
        app: AppOnly,
    ) -> None:
        self._people = people
        self._tokens = tokens
        self._app = app
        self._switches = switches
        self._records = records
        self._assertions = assertions
        self._actions: dict[str, Callable[..., Any]] = {
            "add_account": self._add_account,
            "accounts": lambda: [_shown(person) for person in people.all()],
            "token_lifetime": self._token_lifetime,
            "expire_access_tokens": lambda username="": tokens.expire(username),
            "revoke": tokens.revoke,
            "sends_as": self._sends_as,
            "withdraw_consent": self._withdraw_consent,
            "next_answers": self._next_answers,
            "next_id_token": self._next_id_token,
            "grant_scopes": self._grant_scopes,
            "rotation": self._rotation,
            "allow_app": app.allow,
            "forbid_app": app.forbid,
            "consent_app": app.consent,
            "withdraw_app": app.withdraw,
            "expire_app_tokens": app.expire,
            "trust_certificate": assertions.trust_certificate,
            "trust_identity": assertions.trust_identity,
            "records": records.listed,
            "current_refresh_fingerprint": tokens.current_refresh,
            "reset": self._reset,
        }

    def act(self, action: str, arguments: dict[str, Any]) -> Any:
        """The action's answer; raises LookupError for an unknown one, TypeError, ValueError."""
        return self._actions[action](**arguments)

    def _add_account(self, username: str, **about: Any) -> dict[str, Any]:
        about["mailboxes"] = tuple(about.get("mailboxes", ()))
        return _shown(self._people.add(username, **about))

    def _sends_as(self, token: str) -> list[str]:
        return self._tokens.sends_as(token) or self._app.sends_as(token)

    def _token_lifetime(self, seconds: int, username: str = "") -> None:
        if username:
            self._tokens.lifetimes[username.casefold()] = seconds
        else:
            self._tokens.lifetime_seconds = seconds

    def _withdraw_consent(self, username: str) -> None:
        person = self._people.get(username)
        if person:
            person.consented = False

    def _next_answers(self, endpoint: str, faults: list[dict[str, Any]]) -> None:
        for fault in faults:
            self._switches.add(endpoint, Fault(**fault))

    def _next_id_token(self, claims: dict[str, Any]) -> None:
        self._switches.id_token = claims

    def _grant_scopes(self, scopes: list[str] | None) -> None:
        self._switches.granted_scopes = scopes

    def _rotation(self, strict: bool) -> None:
        self._tokens.strict = strict

    def _reset(self) -> None:
        self._switches.faults.clear()
        self._switches.id_token = {}
        self._switches.granted_scopes = None
        self._tokens.strict = True
        self._tokens.lifetime_seconds = 3600
        self._tokens.lifetimes.clear()
        self._records.reset()
        self._assertions.reset()


def _shown(person: Person) -> dict[str, Any]:
    return {
        "username": person.username,
        "kind": "personal" if person.personal else "work",
        "tid": person.tid,
        "oid": person.oid,
        "email": person.email,
        "mailboxes": sorted(person.mailboxes),
    }
