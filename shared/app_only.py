"""App-only: mailboxes of an organisation that its administrator opened to the application.

Nobody signs in: the application has a token of its own for the tenant. Where that, or the
mailbox, is refused, the account is kept as blocked, and the answer says what an administrator has
to do, to the letter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import account_forms, account_view, ids, instants, tend
from shared.account_forms import Reader, invalid
from shared.account_rows import APP_ONLY, Account
from shared.accounts import Accounts
from shared.consents import Consents
from shared.endpoints import Endpoints
from shared.enrol import Enrol, Enrolled, first
from shared.errors import Blocked, Rejected
from shared.id_token import GUID, PERSONAL_TENANT
from shared.logs import Log
from shared.microsoft import Microsoft, Token
from shared.settings import Settings
from shared.tenant_tokens import TenantTokens

log = Log(__name__)

_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}\Z")


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of it; messages: queue messages of a check to make now. more: what to do."""

    view: Mapping[str, Any]
    messages: tuple[str, ...]
    code: str
    more: Mapping[str, Any]

    def told(self) -> Mapping[str, Any]:
        """The account as JSON; raises Rejected where access is refused."""
        if self.code:
            raise Rejected(self.code, status=409, more=self.more)
        return self.view


class AppOnly:
    """Connects mailboxes without anybody's sign-in."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        endpoints: Endpoints,
        microsoft: Microsoft,
        tenants: TenantTokens,
        consents: Consents,
        enrol: Enrol,
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._endpoints = endpoints
        self._microsoft = microsoft
        self._tenants = tenants
        self._consents = consents
        self._enrol = enrol

    def connect(self, body: Any, now: datetime) -> Adopted:
        """Makes the account, or tries again the one that is there.

        body: tenant (id or domain), mailbox, reference, and labels, folders, start (unseen or
        now) and endpoint_id where they are wanted. Raises Rejected `field_invalid`.
        """
        wanted = account_forms.fields(
            body, FIELDS, ("tenant", "mailbox", "reference"), self._endpoints.all()
        )
        tid = self._tid(wanted["tenant"])
        account_id = ids.account_id(tid, "", wanted["reference"], mailbox=wanted["mailbox"])
        token, code = self._token(tid, now)
        existing = self._enrol.existing(account_id)
        shard = self._accounts.shard_of(account_id)
        account = _described(existing or first(account_id, shard, now), tid, wanted)
        return self._told(self._enrol.adopt(account, existing, token, code, now), now)

    def _tid(self, tenant: str) -> str:
        tid = tenant if GUID.match(tenant) else self._microsoft.tenant_id(tenant)
        if not GUID.match(tid) or tid == PERSONAL_TENANT:
            raise invalid("tenant")
        return tid

    def _token(self, tid: str, now: datetime) -> tuple[Token | None, str]:
        try:
            return self._tenants.token(tid, now, force=True), ""
        except Blocked as error:
            if error.code == "tenant_unknown":
                raise invalid("tenant") from None
            log.warning("no_tenant_token", tenant=tid, error=error)
            return None, error.code

    def _told(self, enrolled: Enrolled, now: datetime) -> Adopted:
        account = enrolled.account
        view = account_view.view(account, now)
        messages = (tend.message(enrolled.claim),) if enrolled.claim else ()
        if not enrolled.code:
            return Adopted(view, messages, "", {})
        state = self._consents.open(account.tid, now)
        more = {
            "account": view,
            "powershell": self._powershell(account),
            "admin_consent_url": self._microsoft.admin_consent_url(account.tid, state),
        }
        return Adopted(view, messages, enrolled.code, more)

    def _powershell(self, account: Account) -> str:
        """https://learn.microsoft.com/exchange/client-developer/legacy-protocols/
        how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"""
        client_id, name = _quoted(self._settings.client_id), _quoted(self._settings.app_name)
        return "\n".join(
            (
                f"Connect-MgGraph -TenantId {_quoted(account.tid)} -Scopes Application.Read.All",
                f'$app = Get-MgServicePrincipal -Filter "appId eq {client_id}"',
                f"Connect-ExchangeOnline -Organization {_quoted(account.tid)}",
                f"New-ServicePrincipal -AppId {client_id} -ServiceId $app.Id -DisplayName {name}",
                f"Add-MailboxPermission -Identity {_quoted(account.address)} -User $app.Id "
                "-AccessRights FullAccess",
            )
        )


def _quoted(value: str) -> str:
    """As PowerShell takes it to the letter."""
    doubled = re.sub(r"(['\u2018\u2019\u201a\u201b])", r"\1\1", value)
    return f"'{doubled}'"


def _tenant(name: str, value: Any) -> str:
    lower = account_forms.text(name, value, 253).strip().lower()
    if not GUID.match(lower) and not _DOMAIN.match(lower):
        raise invalid(name)
    return lower


FIELDS: Mapping[str, Reader] = {
    **account_forms.OF_NEW,
    "tenant": _tenant,
    "mailbox": account_forms.address,
}


def _described(account: Account, tid: str, wanted: Mapping[str, Any]) -> Account:
    return replace(
        account_forms.described(account, wanted),
        address=wanted["mailbox"],
        reference=wanted["reference"],
        kind=APP_ONLY,
        tid=tid,
        next_refresh_at=instants.NEVER,
    )
