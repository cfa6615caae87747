"""Send: a mail from a connected mailbox, once for each Idempotency-Key.

The order: the key's row with the Message-ID, the mail, the row's outcome. Where the second of them
can't be known to have happened, nobody sends again: the Message-ID is looked for in the sender's
own mailbox, which keeps a copy of what was sent.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from email.utils import make_msgid
from typing import Any

from shared import account_forms, compose, compose_reply, instants, send_forms
from shared.account_guard import AccountGuard
from shared.account_rows import Account
from shared.addresses import Person
from shared.compose import Draft, Thread
from shared.errors import Blocked, ReconnectNeeded, Rejected, Stale, TryAgain, UnseenError
from shared.imap_errors import CommandRefused, TokenRefused
from shared.logs import Log
from shared.mailboxes import Mailboxes, opened
from shared.renew import Renewal
from shared.send_forms import Original, Wanted
from shared.send_keys import DONE, SendKey, SendKeys
from shared.send_limits import SendLimits
from shared.settings import Settings
from shared.smtp import Envelope, Smtp
from shared.smtp_errors import OutcomeUnknown

log = Log(__name__)

_IMAP_SECONDS = 30
_HEADER_BYTES = 256 * 1024
# Microsoft 365's and Outlook.com's. A mailbox in another language may have another name for it:
# its mail is not found then, and nothing is sent a second time all the same.
_SENT = ("Sent Items", "Sent")
# Exchange may give a mail another Message-ID, and keeps ours beside it.
_MESSAGE_ID_FIELDS = ("Message-ID", "X-Microsoft-Original-Message-ID")


class Send:
    """Sends mail for API callers."""

    def __init__(
        self,
        settings: Settings,
        guard: AccountGuard,
        renewal: Renewal,
        smtp: Smtp,
        mailboxes: Mailboxes,
        keys: SendKeys,
        limits: SendLimits,
        clock: instants.Clock,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._renewal = renewal
        self._smtp = smtp
        self._mailboxes = mailboxes
        self._keys = keys
        self._limits = limits
        self._now = clock

    def send(self, account_id: str, body: Any, idempotency_key: str | None) -> dict[str, Any]:
        """Sends a mail; gives its message_id, accepted_at, and what the server said.

        body: as `send_forms.read` takes it. idempotency_key: None for a mail that may be sent
        again. Raises Rejected: 400 with the field, 404, 409 `outcome_unknown` or with a link where
        the owner has to sign in again, 413, 422 where the server refuses the mail or the key was
        used for another, 429; and Blocked, TryAgain or OperatorFault as a check does. Nothing was
        sent then, except where the outcome is unknown.
        """
        if not self._settings.sending:
            raise Rejected("sending_off", status=404)
        key, wanted = send_forms.idempotency_key(idempotency_key), send_forms.read(body)
        account = self._guard.account(account_id)
        try:
            return self._once(account, body, wanted, key)
        except ReconnectNeeded as error:
            raise self._guard.reconnect(error.code) from None

    def _once(self, account: Account, body: Any, wanted: Wanted, key: str) -> dict[str, Any]:
        sender = _sender(account, wanted.draft)
        request = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        known = self._keys.find(account.id, key, self._now()) if key else None
        if known:
            return self._again(account, known, request)
        with self._limits.admitted(account.id, self._now()):
            return self._first(account, wanted, sender, key, request)

    def _first(
        self, account: Account, wanted: Wanted, sender: Person, key: str, request: str
    ) -> dict[str, Any]:
        draft, thread = self._in_thread(account, wanted)
        message_id = make_msgid(domain=sender.address.rpartition("@")[2])[1:-1]
        raw = compose.compose(draft, sender, message_id, self._now(), thread)
        envelope = Envelope(account.smtp_login, sender.address, _recipients(draft), raw)
        taken = None
        if key:
            try:
                taken = self._keys.take(account.id, key, request, message_id, self._now())
            except Stale:
                return self._overtaken(account, key, request)
        return self._sent(account, envelope, message_id, taken)

    def _overtaken(self, account: Account, key: str, request: str) -> dict[str, Any]:
        known = self._keys.find(account.id, key, self._now())
        if known is None:  # the other one has just found that it could not send
            raise TryAgain("stale", "once")
        return self._again(account, known, request)

    def _sent(
        self, account: Account, envelope: Envelope, message_id: str, taken: SendKey | None
    ) -> dict[str, Any]:
        try:
            said = self._submitted(account, envelope)
        except OutcomeUnknown as error:
            log.warning("mail_outcome_unknown", account=account.id, detail=str(error))
            raise _unknown(message_id) from None
        except UnseenError as error:
            log.warning("mail_not_sent", account=account.id, error=error)
            if taken:
                self._keys.release(taken)
            raise
        log.info("mail_sent", account=account.id, recipients=len(envelope.recipients))
        return self._done(message_id, said, taken)

    def _submitted(self, account: Account, envelope: Envelope) -> str:
        """A refused token is replaced once."""
        token = self._renewal.token(account, self._now())
        try:
            return self._smtp.submit(account.kind, envelope, token.access_token)
        except TokenRefused:
            token = self._renewal.token(account, self._now(), force=True)
        try:
            return self._smtp.submit(account.kind, envelope, token.access_token)
        except TokenRefused as error:
            raise Blocked("smtp_denied") from error

    def _done(self, message_id: str, said: str, taken: SendKey | None) -> dict[str, Any]:
        at = instants.text(self._now())
        outcome = {"message_id": message_id, "accepted_at": at, "server": said}
        if taken:
            try:
                self._keys.done(taken, outcome)
            except TryAgain:
                log.warning("mail_outcome_not_kept")  # a retry finds the mail itself
        return outcome

    # Again

    def _again(self, account: Account, known: SendKey, request: str) -> dict[str, Any]:
        """The first outcome; where it is not known, what the mailbox says of it."""
        if known.request != request:
            raise Rejected("idempotency_key_reused", send_forms.IDEMPOTENCY_KEY, status=422)
        if known.state == DONE and known.outcome:
            return known.outcome
        if self._is_in_sent(account, known.message_id):
            return self._done(known.message_id, "", known)
        raise _unknown(known.message_id)

    def _is_in_sent(self, account: Account, message_id: str) -> bool:
        """Whether a copy is where whoever signs in keeps what was sent."""
        signed_in = replace(account, address=account.smtp_login)
        with self._mailboxes.session(signed_in, _IMAP_SECONDS) as session:
            for folder in _SENT:
                try:
                    session.examine(folder)
                except Blocked:
                    continue  # it has no folder of this name
                if any(session.with_message_id(message_id, name) for name in _MESSAGE_ID_FIELDS):
                    return True
        return False

    # A reply

    def _in_thread(self, account: Account, wanted: Wanted) -> tuple[Draft, Thread | None]:
        draft, original = wanted.draft, wanted.original
        if original is None:
            return replace(draft, subject=wanted.subject or ""), None
        if original.message_id:
            answered = compose_reply.Answered(compose_reply.to_id(original.message_id), "")
        else:
            answered = compose_reply.answered(self._header(account, original))
        chosen = answered.subject if wanted.subject is None else wanted.subject
        return replace(draft, subject=compose_reply.subject(chosen)), answered.thread

    def _header(self, account: Account, original: Original) -> bytes:
        with self._mailboxes.session(account, _IMAP_SECONDS) as session:
            found = opened(session, original.folder)
            if original.uid_validity not in {0, found.uidvalidity}:
                raise account_forms.invalid("uid_validity")
            try:
                header = session.header(original.uid, _HEADER_BYTES)
            except CommandRefused:
                header = None
        if header is None:
            raise account_forms.invalid("in_reply_to_uid")
        return header


def _sender(account: Account, draft: Draft) -> Person:
    """Who it is from: the mailbox itself, or one of its aliases; nobody else."""
    own = send_forms.address("from", account.address)
    if draft.sender is None:
        return Person("", own)
    aliases = (send_forms.address("from", one) for one in account.aliases)
    if draft.sender.address.lower() not in {one.lower() for one in (own, *aliases)}:
        raise account_forms.invalid("from")
    return draft.sender


def _recipients(draft: Draft) -> dict[str, str]:
    """Each address once, beside the field that names it first."""
    found: dict[str, str] = {}
    lists: Iterable[tuple[str, tuple[Person, ...]]] = (
        ("to", draft.to),
        ("cc", draft.cc),
        ("bcc", draft.bcc),
    )
    for name, people in lists:
        for number, person in enumerate(people):
            found.setdefault(person.address, f"{name}.{number}")
    return found


def _unknown(message_id: str) -> Rejected:
    return Rejected("outcome_unknown", status=409, more={"message_id": message_id})
