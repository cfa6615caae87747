"""Builds the program's parts once per process, each when it is first needed.

A cold start pays for every import, so parts are imported where they are built.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared import instants
from shared import settings as settings_module
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.account_guard import AccountGuard
    from shared.account_rows import Account
    from shared.accounts import Accounts
    from shared.app_circuit import AppCircuit
    from shared.app_only import AppOnly
    from shared.breaker import Breaker
    from shared.callback import Callback
    from shared.claims import Claims
    from shared.connect import Connect
    from shared.connected import Connected
    from shared.consent import AdminConsent
    from shared.consents import Consents
    from shared.deliver import Deliverer
    from shared.deliveries import Deliveries
    from shared.directory import Directory
    from shared.disconnect import Disconnect
    from shared.downloads import Downloads
    from shared.endpoint_admin import EndpointAdmin
    from shared.endpoints import Endpoints
    from shared.enqueue import Enqueue
    from shared.enrol import Enrol
    from shared.guard import Guard
    from shared.health import Health
    from shared.health_details import HealthDetails
    from shared.imap import Server
    from shared.invitations import Invitations
    from shared.mailboxes import Mailboxes
    from shared.managed_identity import ManagedIdentity
    from shared.messages import Messages
    from shared.microsoft import Microsoft
    from shared.mover import Mover
    from shared.once import Once
    from shared.outbox import Outbox
    from shared.pages import Look
    from shared.reencrypt import Reencrypt
    from shared.renew import Renewal
    from shared.replay import Replay
    from shared.reshard import Reshard
    from shared.results import Results
    from shared.send import Send
    from shared.send_keys import SendKeys
    from shared.shards import Shards
    from shared.smtp import Smtp
    from shared.system import System
    from shared.tables import Tables
    from shared.tenant_tokens import TenantTokens
    from shared.tend import Tend
    from shared.token_store import TokenStore
    from shared.vault import Vault
    from shared.vending import Vending
    from shared.webhooks import Sender

# What a token for storage is asked for, in each cloud.
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
_STORAGE = "https://storage.azure.com/"

_lock = threading.RLock()
_connector: "Connector | None" = None


def connector() -> "Connector":
    """The process's connector; raises SettingsError, each time, until the settings are right."""
    global _connector
    with _lock:
        if _connector is None:
            # These loggers tell of every request, with its address, below WARNING.
            for name in ("azure", "urllib3"):
                logging.getLogger(name).setLevel(logging.WARNING)
            # And this one warns with the server's text, which may quote a folder's name.
            logging.getLogger("imapclient").setLevel(logging.ERROR)
            _connector = Connector(settings_module.read())
        return _connector


class _Part[T]:
    """A part that is built by the first thread that asks for it, and kept.

    functools.cached_property does not lock: two threads would open two sets of connections.
    """

    def __init__(self, build: Callable[["Connector"], T]) -> None:
        self._build = build
        self._name = build.__name__

    def __get__(self, instance: "Connector", owner: type | None = None) -> T:
        with _lock:
            if self._name not in instance.built:
                instance.built[self._name] = self._build(instance)
            found: T = instance.built[self._name]
            return found


class Connector:
    """Everything wired together: flows for the functions, adapters and stores for the flows."""

    def __init__(self, settings: Settings, clock: instants.Clock = instants.now) -> None:
        self.settings = settings
        self.now = clock
        self.built: dict[str, Any] = {}

    # Adapters and stores

    @_Part
    def tables(self) -> "Tables":
        from shared.storage_settings import is_url
        from shared.tables import Tables

        place, ca_file = self.settings.storage.tables, self.settings.ca_file
        token = self.storage_identity.token if is_url(place) else None
        return Tables(place, ca_file=ca_file, token=token)

    @_Part
    def storage_identity(self) -> "ManagedIdentity":
        """Who comes to storage where the settings give no connection string."""
        from shared.managed_identity import ManagedIdentity

        return ManagedIdentity(self.settings.storage.client_id, _STORAGE)

    @_Part
    def vault(self) -> "Vault":
        from shared.vault import Vault

        return Vault(self.settings.encryption_keys)

    @_Part
    def microsoft(self) -> "Microsoft":
        from shared import client_credential
        from shared.microsoft import Microsoft

        return Microsoft(self.settings, client_credential.of(self.settings))

    @_Part
    def server(self) -> "Server":
        from shared.imap import Server

        return Server.trusting(
            self.settings.imap_host, self.settings.imap_port, self.settings.ca_file
        )

    @_Part
    def smtp(self) -> "Smtp":
        from shared.smtp import Smtp

        return Smtp(self.settings)

    @_Part
    def shards(self) -> "Shards":
        from shared.layout import Layout
        from shared.shards import Shards

        now, before = self.settings.shards, self.settings.shards_before
        return Shards(now, before, Layout(self.tables, self.once, now, before, self.now).check)

    @_Part
    def accounts(self) -> "Accounts":
        from shared.accounts import Accounts

        return Accounts(self.tables, self.shards)

    @_Part
    def claims(self) -> "Claims":
        from shared.claims import Claims

        return Claims(self.tables, self.shards, self.settings.claim_seconds)

    @_Part
    def tokens(self) -> "TokenStore":
        from shared.token_store import TokenStore

        return TokenStore(self.tables, self.vault, self.shards)

    @_Part
    def outbox(self) -> "Outbox":
        from shared.outbox import Outbox

        return Outbox(self.tables, self.vault, mark_seen=self.settings.mark_seen)

    @_Part
    def once(self) -> "Once":
        from shared.once import Once

        return Once(self.tables, self.vault)

    @_Part
    def send_keys(self) -> "SendKeys":
        from shared.send_keys import SendKeys

        return SendKeys(self.tables, self.vault)

    @_Part
    def consents(self) -> "Consents":
        from shared.consents import Consents

        return Consents(self.tables, self.vault)

    @_Part
    def endpoints(self) -> "Endpoints":
        from shared.endpoints import Endpoints

        return Endpoints(self.tables, self.vault, self.settings)

    @_Part
    def look(self) -> "Look":
        from shared.pages import Look

        return Look(
            self.settings.app_name,
            self.settings.authority_origin,
            https=self.settings.secure_cookies,
            sends=self.settings.sending,
            marks_seen=self.settings.mark_seen,
        )

    @_Part
    def guard(self) -> "Guard":
        from shared.guard import Guard

        hosts = frozenset(filter(None, [self.settings.identity_host]))
        return Guard(self.settings.allow_private_endpoints, hosts)

    @_Part
    def sender(self) -> "Sender":
        from shared.webhooks import Sender

        return Sender(self.settings.ca_file, self.guard)

    # Flows

    @_Part
    def app_circuit(self) -> "AppCircuit":
        from shared.app_circuit import AppCircuit

        return AppCircuit(self.once)

    @_Part
    def renewal(self) -> "Renewal":
        from datetime import timedelta

        from shared.renew import Renewal

        return Renewal(
            self.tokens,
            self.microsoft,
            self.app_circuit,
            timedelta(minutes=self.settings.refresh_window_minutes),
            self.tenant_tokens,
        )

    @_Part
    def tenant_tokens(self) -> "TenantTokens":
        from datetime import timedelta

        from shared.tenant_tokens import TenantTokens

        window = timedelta(minutes=self.settings.refresh_window_minutes)
        return TenantTokens(self.tokens, self.microsoft, self.app_circuit, window)

    @_Part
    def app_only(self) -> "AppOnly":
        from shared.app_only import AppOnly

        return AppOnly(
            self.settings,
            self.accounts,
            self.endpoints,
            self.microsoft,
            self.tenant_tokens,
            self.consents,
            self.enrol,
        )

    @_Part
    def consent(self) -> "AdminConsent":
        from shared.consent import AdminConsent

        return AdminConsent(self.consents, self.tenant_tokens, self.accounts, self.look)

    @_Part
    def callback(self) -> "Callback":
        from shared.callback import Callback

        return Callback(self.consent, self.connect)

    @_Part
    def deliverer(self) -> "Deliverer":
        from shared.deliver import Deliverer

        return Deliverer(self.outbox, self.endpoints, self.breaker, self.sender, self.now)

    @_Part
    def breaker(self) -> "Breaker":
        from shared.breaker import Breaker

        return Breaker(self.endpoints, self.system)

    @_Part
    def system(self) -> "System":
        from shared.system import System

        return System(self.accounts, self.outbox, self.endpoints, self.now)

    @_Part
    def disconnect(self) -> "Disconnect":
        from shared.disconnect import Disconnect

        return Disconnect(
            self.accounts, self.outbox, self.tokens, self.endpoints, self.system, self.now
        )

    @_Part
    def enrol(self) -> "Enrol":
        from shared.enrol import Enrol

        return Enrol(
            self.settings,
            self.accounts,
            self.claims,
            self.tokens,
            self.outbox,
            self.endpoints,
            self.disconnect,
            self.server,
            self.invitations,
        )

    @_Part
    def connect(self) -> "Connect":
        from shared.connect import Connect

        return Connect(
            self.settings,
            self.look,
            self.microsoft,
            self.once,
            self.enrol,
            self.invitations,
            self.results,
        )

    @_Part
    def invitations(self) -> "Invitations":
        from shared.invitations import Invitations

        return Invitations(self.settings, self.tables, self.vault, self.accounts, self.endpoints)

    @_Part
    def results(self) -> "Results":
        from shared.results import Results

        return Results(self.tables, self.vault, self.accounts, self.reconnect_link)

    def reconnect_link(self, account: "Account") -> str:
        """Where the account's owner signs in again; '' where that is not needed."""
        if account.status != "reconnect_required":
            return ""
        return self.invitations.reconnect_url(account, account.status_version, self.now())

    @_Part
    def connected(self) -> "Connected":
        from shared.connected import Connected

        return Connected(
            self.settings,
            self.look,
            self.once,
            self.accounts,
            self.enrol,
            self.renewal,
            self.results,
            self.connect,
        )

    @_Part
    def enqueue(self) -> "Enqueue":
        from shared.enqueue import Enqueue

        return Enqueue(self.claims, self.once, self.settings, self.now, self.settle)

    def settle(self, shard: str, account_id: str) -> None:
        """Ends a move that was left; seldom, so that nobody loads the mover for nothing."""
        self.mover.settle(shard, account_id)

    @_Part
    def tend(self) -> "Tend":
        from shared.room import Room
        from shared.tend import Tend
        from shared.turn import Tools

        return Tend(
            self.accounts,
            self.claims,
            self.tokens,
            self.once,
            Tools(
                self.settings,
                self.outbox,
                self.endpoints,
                self.deliverer,
                self.renewal,
                self.server,
                self.disconnect,
                self.invitations,
                self.now,
                Room(),
            ),
        )

    @_Part
    def directory(self) -> "Directory":
        from shared.directory import Directory

        return Directory(self.accounts, self.endpoints, self.outbox, self.now, self.reconnect_link)

    @_Part
    def vending(self) -> "Vending":
        from shared.vending import Vending

        return Vending(self.settings, self.account_guard, self.renewal, self.now)

    @_Part
    def account_guard(self) -> "AccountGuard":
        from shared.account_guard import AccountGuard

        return AccountGuard(self.accounts, f"{self.settings.public_base_url}/api/login")

    @_Part
    def mailboxes(self) -> "Mailboxes":
        from shared.mailboxes import Mailboxes

        return Mailboxes(self.account_guard, self.server, self.renewal, self.now)

    @_Part
    def messages(self) -> "Messages":
        from shared.messages import Messages

        return Messages(self.settings, self.mailboxes)

    @_Part
    def downloads(self) -> "Downloads":
        from shared.downloads import Downloads

        return Downloads(self.settings, self.mailboxes)

    @_Part
    def send(self) -> "Send":
        from shared.send import Send
        from shared.send_limits import SendLimits

        return Send(
            self.settings,
            self.account_guard,
            self.renewal,
            self.smtp,
            self.mailboxes,
            self.send_keys,
            SendLimits(),
            self.now,
        )

    @_Part
    def endpoint_admin(self) -> "EndpointAdmin":
        from shared.endpoint_admin import EndpointAdmin

        return EndpointAdmin(self.endpoints, self.accounts, self.sender, self.guard, self.now)

    @_Part
    def deliveries(self) -> "Deliveries":
        from shared.deliveries import Deliveries

        return Deliveries(self.accounts, self.outbox)

    @_Part
    def replay(self) -> "Replay":
        from shared.replay import Replay

        return Replay(self.accounts, self.outbox, self.endpoints, self.now)

    @_Part
    def reencrypt(self) -> "Reencrypt":
        from shared.reencrypt import Reencrypt

        reseals = {
            "endpoints": self.endpoints.resealed,
            "mailboxes": self.outbox.resealed,
            "once": self.once.resealed,
            "tokens": self.tokens.resealed,
        }
        return Reencrypt(self.tables, reseals)

    @_Part
    def mover(self) -> "Mover":
        from shared.mover import Mover

        seconds = self.settings.claim_seconds
        return Mover(self.tables, self.shards, self.outbox, seconds, self.now)

    @_Part
    def reshard(self) -> "Reshard":
        from shared.reshard import Reshard

        return Reshard(self.tables, self.shards, self.mover, self.once, self.now)

    @_Part
    def health(self) -> "Health":
        from shared.health import Health

        return Health(self.once, self.settings, self.now())

    @_Part
    def health_details(self) -> "HealthDetails":
        from shared.health_details import HealthDetails

        return HealthDetails(self.settings, self.health, self.once, self.accounts, self.microsoft)
