"""SMTP submission: STARTTLS, XOAUTH2 with NotMicrosoft's tokens, and mail that arrives in Dovecot.

As Exchange does, it keeps a copy in the sender's Sent, and refuses what the token may not send as.
A token goes after the 334: a command line has no room for it (RFC 4954 section 4).
"""

import asyncio
import logging
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from .certificates import Authority
from .dovecot import Dovecot
from .not_microsoft.client import Control
from .ports import free_port

_AUTH_LINE_BYTES = 12_288
_MAIL_LINE_BYTES = 1000
_NOT_ALLOWED = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"

# It logs each line that it reads, mail among them, and warns of its own deprecations.
logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Fault:
    """What happens once instead. at: AUTH, RCPT or DATA; DATA means: when all of a mail was read.

    says: the reply, in place of what would be done. cuts: the connection ends without a reply;
    arrives: after the mail was delivered. seconds: how long it takes.
    """

    at: str
    says: str = ""
    cuts: bool = False
    arrives: bool = True
    seconds: float = 0


BAD_TOKEN = Fault("AUTH", "535 5.7.3 Authentication unsuccessful [LAB.PROD.OUTLOOK.COM]")
DISABLED = Fault(
    "AUTH",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
    "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
)
THREAD_LIMIT = Fault(
    "DATA", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [LAB.PROD.OUTLOOK.COM]"
)
CUT_AFTER_DATA = Fault("DATA", cuts=True)
CUT_AND_LOST = Fault("DATA", cuts=True, arrives=False)


def slow(seconds: float) -> Fault:
    """The reply to a mail takes its time."""
    return Fault("DATA", seconds=seconds)


@dataclass(frozen=True)
class Accepted:
    """A mail that was taken: who signed in, the envelope, and the bytes."""

    login: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes


class Submission:
    """The server, in threads of this process; `port` is on localhost.

    replaces_message_ids: as Outlook.com does, the original goes to a field of its own.
    """

    def __init__(self, dovecot: Dovecot, authority: Authority, microsoft: Control) -> None:
        self.port = free_port()
        self.accepted: list[Accepted] = []
        self.logins = 0
        self.most_at_once = 0
        self.replaces_message_ids = False
        self._dovecot = dovecot
        self._microsoft = microsoft
        self._faults: list[Fault] = []
        self._watcher: Callable[[], object] | None = None
        self._at_once = 0
        self._lock = threading.Lock()
        self._controller = _Controller(self, authority, self.port)
        self._controller.start()

    def fail(self, *faults: Fault) -> None:
        """Each meets one client, in this order for each `at`."""
        self._faults += faults

    def watch(self, watcher: Callable[[], object] | None) -> None:
        """Told when a mail has arrived, before its reply is sent; None ends it."""
        self._watcher = watcher

    def reset(self) -> None:
        """Forgets all of it."""
        self._faults.clear()
        self.accepted.clear()
        self._watcher = None
        self.replaces_message_ids = False
        self.logins = self.most_at_once = 0

    def close(self) -> None:
        self._controller.stop()

    # aiosmtpd's hooks

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        self.logins += 1
        said = await server.challenge_auth("")
        if not isinstance(said, bytes):
            return AuthResult(success=False)
        fault = self._take("AUTH")
        login, _, token = said.decode().removeprefix("user=").partition("\x01auth=Bearer ")
        allowed = await asyncio.to_thread(self._microsoft.sends_as, token.rstrip("\x01"))
        if fault or login.casefold() not in allowed:
            message = (fault or BAD_TOKEN).says
            return AuthResult(success=False, handled=False, message=message)
        return AuthResult(success=True, auth_data=(login, allowed))

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        fault = self._take("RCPT")
        if fault:
            return fault.says
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._took(server, session, envelope)
        finally:
            self._at_once -= 1

    async def _took(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        login, allowed = cast("tuple[str, list[str]]", session.auth_data)
        fault = self._take("DATA") or Fault("DATA")
        await asyncio.sleep(fault.seconds)
        if fault.says:
            return fault.says
        if str(envelope.mail_from).casefold() not in allowed:
            return _NOT_ALLOWED
        if fault.arrives:
            raw = bytes(envelope.original_content or b"")
            mail = Accepted(login, str(envelope.mail_from), tuple(envelope.rcpt_tos), raw)
            await asyncio.to_thread(self._deliver, mail)
        if fault.cuts:
            cast("asyncio.WriteTransport", server.transport).abort()
        return "250 2.0.0 OK <LAB0001@LAB.PROD.OUTLOOK.COM> [Hostname=LAB.PROD.OUTLOOK.COM]"

    def _deliver(self, mail: Accepted) -> None:
        raw = mail.raw
        if self.replaces_message_ids:
            raw = re.sub(rb"(?m)^(Message-ID: )", rb"\1<new@lab>\r\nX-Microsoft-Original-\1", raw)
        with self._lock:
            for recipient in mail.recipients:
                self._dovecot.deliver(recipient, raw)
            self._dovecot.deliver(mail.login, raw, folder="Sent", flags=["\\Seen"])
            self.accepted.append(mail)
        if self._watcher:
            self._watcher()

    def _take(self, at: str) -> Fault | None:
        for fault in self._faults:
            if fault.at == at:
                self._faults.remove(fault)
                return fault
        return None


class _Controller(Controller):
    def __init__(self, handler: Submission, authority: Authority, port: int) -> None:
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(authority.cert_file, authority.key_file)
        super().__init__(handler, hostname="127.0.0.1", port=port)

    def factory(self) -> SMTP:
        return _Smtp(
            self.handler,
            hostname="localhost",
            ident="Microsoft ESMTP MAIL Service ready",
            tls_context=self._tls,
            require_starttls=True,
            auth_required=True,
            auth_exclude_mechanism=["PLAIN", "LOGIN"],
        )


class _Smtp(SMTP):
    line_length_limit = _AUTH_LINE_BYTES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.line_length_limit = _MAIL_LINE_BYTES  # the other one is the stream's by now
