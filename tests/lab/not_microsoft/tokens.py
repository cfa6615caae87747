"""The tokens that were issued: codes once, access tokens until they expire, strict rotation."""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from .dovecot_users import DovecotUsers, name_of
from .people import Person

CODE_SECONDS = 600


def fingerprint(token: str) -> str:
    """Twelve hex digits that tell two tokens apart without showing either."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else ""


@dataclass
class Code:
    """An authorization code and what it was issued for."""

    person: Person
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    scopes: list[str]
    tenant: str
    expires_at: float
    redeemed: bool = False


@dataclass
class Refresh:
    """A refresh token's line: `used` and `revoked` make it worthless."""

    person: Person
    client_id: str
    scopes: list[str]
    used: bool = False
    revoked: bool = False


@dataclass
class Access:
    """An access token; person is None for an app-only one."""

    person: Person | None
    scopes: list[str]
    expires_at: float

    @property
    def opens_mail(self) -> bool:
        return any("imap" in scope.lower() or ".default" in scope for scope in self.scopes)

    @property
    def sends_mail(self) -> bool:
        return any(scope.lower().endswith("/smtp.send") for scope in self.scopes)


@dataclass
class Tokens:
    """Everything issued, in memory only."""

    users: DovecotUsers
    codes: dict[str, Code] = field(default_factory=dict)
    refresh: dict[str, Refresh] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)
    lifetime_seconds: int = 3600
    lifetimes: dict[str, int] = field(default_factory=dict)
    strict: bool = True

    def code(self, issued: Code) -> str:
        value = "M.C5." + secrets.token_urlsafe(64)
        self.codes[value] = issued
        return value

    def issue(self, person: Person | None, client_id: str, scopes: list[str]) -> dict[str, Any]:
        """A fresh access token, and a fresh refresh token where somebody signed in."""
        lifetime = self.lifetime_seconds
        if person:
            lifetime = self.lifetimes.get(person.username.casefold(), lifetime)
        # As long as the real ones are: what has no room for them fails here, not in production.
        access = "EwB4" + secrets.token_urlsafe(1800)
        self.access[access] = Access(person, scopes, time.time() + lifetime)
        if person and person.mailboxes:
            self._tell_dovecot()
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(scopes),
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access,
        }
        if person:
            refresh = "M.C5_BAY." + secrets.token_urlsafe(900)
            self.refresh[refresh] = Refresh(person, client_id, scopes)
            answer["refresh_token"] = refresh
        return answer

    def expire(self, username: str = "") -> int:
        """Makes access tokens expire now; gives their number."""
        found = [held for held in self.access.values() if _is_of(held.person, username)]
        for held in found:
            held.expires_at = 0
        self._tell_dovecot()
        return len(found)

    def revoke(self, username: str) -> int:
        """Makes refresh tokens worthless; gives their number."""
        found = [held for held in self.refresh.values() if _is_of(held.person, username)]
        for held in found:
            held.revoked = True
        return len(found)

    def current_refresh(self, username: str) -> str:
        """Fingerprint of the newest refresh token that still works."""
        good = [
            token
            for token, held in self.refresh.items()
            if _is_of(held.person, username) and not held.used and not held.revoked
        ]
        return fingerprint(good[-1]) if good else ""

    def _tell_dovecot(self) -> None:
        """Of whoever has mailboxes besides his own; introspection names only one."""
        now = time.time()
        others = {
            name_of(token): held.person.mailboxes - {held.person.mailbox}
            for token, held in self.access.items()
            if held.person and held.opens_mail and held.expires_at > now
        }
        self.users.tell("people", {name: these for name, these in others.items() if these})

    def sends_as(self, token: str) -> list[str]:
        """What a person's token may send as: itself and what it opens."""
        held = self.access.get(token)
        if held is None or held.person is None or held.expires_at <= time.time():
            return []
        names = held.person.mailboxes | {held.person.username} if held.sends_mail else set()
        return sorted(name.casefold() for name in names)

    def introspect(self, token: str, mailbox: str) -> dict[str, Any]:
        """RFC 7662: active only for a mailbox that the token opens.

        Dovecot does not say which one it asks for: it compares the one that is named here.
        """
        held = self.access.get(token)
        if held is None or held.expires_at <= time.time():
            return {"active": False}
        if not held.opens_mail:
            return {"active": False}
        if held.person is None:  # Dovecot knows these already, see `app_only`
            return {"active": False}
        wanted = (mailbox or held.person.mailbox).casefold()
        active = held.person.opens(wanted)
        return {"active": True, "username": wanted} if active else {"active": False}


def _is_of(person: Person | None, username: str) -> bool:
    return person is not None and username.casefold() in {"", person.username.casefold()}
