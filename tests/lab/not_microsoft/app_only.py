"""Applications in their own name: an organisation's consent, and the mailboxes that they open."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlencode

from .dovecot_users import DovecotUsers, name_of
from .people import People

CHANGE_WHAT_DOVECOT_KNOWS = {"allow_app", "forbid_app", "expire_app_tokens"}


@dataclass
class AppOnly:
    """consented: tenants; mailboxes: those with a permission for the app, with their tenant;
    live: hashes of tokens, with tenant and end."""

    people: People
    client_id: str
    users: DovecotUsers
    consented: set[str] = field(default_factory=set)
    mailboxes: dict[str, str] = field(default_factory=dict)
    live: dict[str, tuple[str, float]] = field(default_factory=dict)

    def consent(self, tenant: str) -> None:
        self.consented.add(self.people.tenant(tenant))

    def withdraw(self, tenant: str) -> None:
        """The consent; what was issued is good until it expires."""
        self.consented.discard(self.people.tenant(tenant))

    def allow(self, mailbox: str) -> None:
        """As Add-MailboxPermission does."""
        self.mailboxes[mailbox.casefold()] = self.people.tenant(mailbox.rpartition("@")[2])
        self._tell_dovecot()

    def forbid(self, mailbox: str) -> None:
        self.mailboxes.pop(mailbox.casefold(), None)
        self._tell_dovecot()

    def issued(self, tenant: str, token: str, expires_at: float) -> None:
        self.live[name_of(token)] = (tenant, expires_at)
        self._tell_dovecot()

    def sends_as(self, token: str) -> list[str]:
        """The mailboxes that a token in the application's own name opens, to send from too."""
        tenant, expires_at = self.live.get(name_of(token), ("", 0.0))
        if expires_at <= time.time():
            return []
        return [mailbox for mailbox, its in self.mailboxes.items() if its == tenant]

    def expire(self) -> None:
        self.live.clear()
        self._tell_dovecot()

    def _tell_dovecot(self) -> None:
        now = time.time()
        self.live = {name: held for name, held in self.live.items() if held[1] > now}
        opened = {
            name: [mailbox for mailbox, its in self.mailboxes.items() if its == tenant]
            for name, (tenant, _) in self.live.items()
        }
        self.users.tell("app", opened)

    # The administrator's page

    def page(
        self, tenant: str, query: Mapping[str, str], is_registered: Callable[[str], bool]
    ) -> tuple[int, str]:
        """Asks an administrator for consent; its buttons are `id=accept` and `id=cancel`."""
        if query.get("client_id") != self.client_id or not self.people.tenant(tenant):
            return 400, "AADSTS700016"
        if not is_registered(query.get("redirect_uri", "")):
            return 400, "AADSTS50011"
        if not query.get("scope", "").endswith("/.default"):
            return 400, "AADSTS70011"
        kept = {name: query.get(name, "") for name in ("redirect_uri", "state", "scope")}
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in (kept | {"tenant": tenant}).items()
        )
        return 200, (
            f'<h1>Permissions requested</h1><form method="post" action="/admin-consent">{hidden}'
            '<button id="accept" name="action" value="accept">Accept</button>'
            '<button id="cancel" name="action" value="cancel">Cancel</button></form>'
        )

    def decided(self, form: Mapping[str, str]) -> str:
        """Where the administrator's browser goes."""
        tenant = self.people.tenant(form["tenant"])
        answer = {"state": form["state"], "tenant": tenant}
        if form.get("action") == "accept":
            self.consented.add(tenant)
            answer |= {"admin_consent": "True", "scope": form["scope"]}
        else:
            description = "AADSTS65004: User declined to consent to access the app."
            answer |= {"error": "access_denied", "error_description": description}
        return f"{form['redirect_uri']}?{urlencode(answer)}"
