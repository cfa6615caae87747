"""One account's turn: token → check → record → deliver, and what came of it.

Nothing is raised for what an account, its mailbox or an endpoint does: it ends in the outcome.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import events, imap, instants, schedule
from shared.account_rows import APP_ONLY, Account
from shared.attempts import Attempts
from shared.catalogue import STORAGE
from shared.check import Check
from shared.deliver import Budget, Deliverer
from shared.disconnect import Disconnect
from shared.endpoints import Endpoints
from shared.errors import (
    Blocked,
    OperatorFault,
    ReconnectNeeded,
    Stale,
    TryAgain,
    UnseenError,
    place,
)
from shared.imap_errors import TokenRefused
from shared.invitations import Invitations
from shared.ledger import Ledger
from shared.logs import Log
from shared.mail_content import Content
from shared.mark_seen import MarkSeen
from shared.outbox import Outbox
from shared.outbox_rows import Event
from shared.outcome import Outcome
from shared.reader import Reader
from shared.renew import Renewal
from shared.room import Room
from shared.settings import Settings
from shared.tables import Row

log = Log(__name__)

_UNAVAILABLE_UNTIL_BLOCKED = 5


@dataclass(frozen=True, slots=True)
class Tools:
    """What every turn of a process works with."""

    settings: Settings
    outbox: Outbox
    endpoints: Endpoints
    deliverer: Deliverer
    renewal: Renewal
    server: imap.Server
    disconnect: Disconnect
    links: Invitations
    clock: instants.Clock
    room: Room


class Turn:
    """Tends to one account. tick: of the scan that found it due; deadline: monotonic seconds."""

    def __init__(
        self,
        tools: Tools,
        account: Account,
        tick: datetime,
        budget: Budget,
        deadline: float,
        token_row: Row | None = None,
    ) -> None:
        self._tools = tools
        self._account = account
        self._tick = tick
        self._budget = budget
        self._deadline = deadline
        self._token_row = token_row
        self._now = tools.clock
        self._ledger = Ledger(tools.outbox, tools.endpoints, account)
        self._kept: list[Event] = []
        self.outcome = Outcome()

    def take(self) -> Outcome:
        """Does what is due for the account."""
        try:
            if self._account.deleted_at:
                self.outcome.purged = self._tools.disconnect.purge(self._account, self._deadline)
            else:
                self._tend()
        except Stale:
            # Connected anew, removed, or looked through by another run: theirs is what counts.
            log.info("turn_given_up", account=self._account.id)
            self._look_at_the_outbox_soon()
        except Exception as error:
            self._unexpected(error)
        return self.outcome

    def _tend(self) -> None:
        account, tick = self._account, instants.text(self._tick)
        with Reader(
            account,
            self._tools.server,
            self._tools.renewal,
            self._now,
            self._deadline - time.monotonic(),
            self._token_row,
        ) as reader:
            if account.status in {"active", "blocked", "paused"}:
                self._look(reader, tick)
            self._owed(reader, tick)
            if self._tools.settings.mark_seen and self._may_read():
                self._mark_seen(reader)

    def _look(self, reader: Reader, tick: str) -> None:
        account = self._account
        check = schedule.check_is_due(account.next_check_at, account.not_before, self._tick)
        if not check and account.next_refresh_at > tick:
            return
        self.outcome.checked = check
        try:
            self._keep_token(reader)
            if check:
                self._check(reader)
        except Stale:
            raise
        except UnseenError as error:
            reader.close()
            self._failed(error)
        except TokenRefused:
            # In the middle of a session: it died with its token. The next one gets another.
            reader.close()
            self._failed(TryAgain("imap_unavailable", "authentication lost"))
        else:
            if check and account.status == "blocked":
                self._change_status("active", "", events.ACCOUNT_RESTORED)

    def _keep_token(self, reader: Reader) -> None:
        token = reader.token()
        window = timedelta(minutes=self._tools.settings.refresh_window_minutes)
        due = instants.due_text(token.expires_at - window)
        # Microsoft did not answer, and what we have is still good: not asked again at once.
        late = due <= instants.text(self._tick)
        self.outcome.next_refresh_at = schedule.retry_at(self._tick) if late else due
        if self._account.kind == APP_ONLY:  # nothing ends that nobody uses
            self.outcome.next_refresh_at = instants.NEVER
        elif self._account.status == "paused":
            self.outcome.next_refresh_at = instants.after(self._now(), schedule.KEEP_ALIVE_SECONDS)

    def _check(self, reader: Reader) -> None:
        settings, account = self._tools.settings, self._account
        check = Check(
            account=account,
            session=reader.session,
            ledger=self._ledger,
            known_mail=lambda: self._tools.outbox.known_mail(account.id),
            recorded=self._recorded,
            backlog_limit=0 if account.start == "now" else settings.backlog_limit,
            body_limit=settings.event_body_limit,
            deadline=self._deadline,
            clock=self._now,
            max_mail_bytes=settings.max_mail_bytes,
            room=self._tools.room,
            seen_too=settings.check_for == "new",
        )
        looked = []
        missing: Blocked | None = None
        try:
            for folder in account.folders:
                try:
                    found, more = check.folder(folder)
                except Blocked as error:
                    # One folder of several that is gone must not hold up the others.
                    log.warning("folder_passed_over", account=account.id, error=error)
                    missing = error
                    continue
                looked.append(found)
                self.outcome.more = self.outcome.more or more
            if missing and not looked:
                raise missing
        finally:
            self.outcome.folders = tuple(looked)
            self.outcome.mails = check.mails
            self.outcome.filtered = check.filtered
        if check.mails:
            log.info("mail_recorded", account=account.id, mails=check.mails)

    def _recorded(self, recorded: Sequence[Event], read: Mapping[int, Content]) -> None:
        """The first attempt of what was just recorded, while its content is at hand."""
        data = {event.sequence: self._data(event, read.get(event.sequence)) for event in recorded}
        ready = [event for event in recorded if data[event.sequence] is not None]
        self.outcome.owed += len(recorded)
        self.outcome.events += len(recorded)
        kept = self._tools.deliverer.deliver(
            self._account.id, ready, lambda event: data[event.sequence] or {}, self._budget
        )
        self._settled(len(ready), kept)
        self._remember([event for event in recorded if data[event.sequence] is None])

    def _data(self, event: Event, read: Content | None) -> Mapping[str, object] | None:
        if read is not None:
            base_url = self._tools.settings.public_base_url
            return events.mail_received(self._account, event, read.mail, read.flags, base_url)
        return events.without_reading(self._account, event)

    def _settled(self, attempted: int, kept: Sequence[Event]) -> None:
        self.outcome.owed -= attempted - len(kept)
        self._remember(kept)

    def _remember(self, kept: Sequence[Event]) -> None:
        self._kept.extend(kept)
        for event in kept:
            self.outcome.next_attempt_at = min(self.outcome.next_attempt_at, event.next_at)

    def _owed(self, reader: Reader, tick: str) -> None:
        """Later attempts, and once an hour (or after a killed run) the outbox read whole."""
        account, outcome = self._account, self.outcome
        if account.next_attempt_at > tick and not account.unfinished:
            outcome.next_attempt_at = min(outcome.next_attempt_at, account.next_attempt_at)
            return
        attempts = Attempts(
            account=account,
            reader=reader if self._may_read() else None,
            deliverer=self._tools.deliverer,
            endpoints=self._tools.endpoints,
            budget=self._budget,
            body_limit=self._tools.settings.event_body_limit,
            deadline=self._deadline,
            clock=self._now,
            max_mail_bytes=self._tools.settings.max_mail_bytes,
            room=self._tools.room,
            base_url=self._tools.settings.public_base_url,
        )
        outcome.events += self._attempt_due(attempts)
        self._tools.outbox.purge_done(account.id, self._now())
        standing = self._tools.outbox.standing(account.id)
        if self._tools.deliverer.release(account.id, standing, self._deadline):
            outcome.events += self._attempt_due(attempts)
            standing = self._tools.outbox.standing(account.id)
        outcome.put_off = attempts.put_off
        outcome.counted = True
        outcome.owed, outcome.dead = standing.owed, standing.dead
        outcome.owed_since = standing.owed_since
        outcome.next_attempt_at = standing.next_at

    def _attempt_due(self, attempts: Attempts) -> int:
        """One attempt for what is due and was not tried in this turn; gives how much was due."""
        tried = {event.sequence for event in self._kept}
        due = self._tools.outbox.due(self._account.id, instants.text(self._now()))
        attempts.run([event for event in due if event.sequence not in tried])
        return len(due)

    def _may_read(self) -> bool:
        """Not where this turn has just failed at the mailbox, or its owner has to sign in."""
        return not self.outcome.error and self._account.status != "reconnect_required"

    def _mark_seen(self, reader: Reader) -> None:
        """Marks what all endpoints took; what can't be marked now is tried again."""
        if not self.outcome.mails and not self.outcome.counted:
            return
        try:
            MarkSeen(self._account, reader.session, self._tools.outbox).run()
        except (UnseenError, TokenRefused) as error:
            reader.close()
            log.info("not_marked", account=self._account.id, error=error)
            again = schedule.retry_at(self._tick)
            self.outcome.next_attempt_at = min(self.outcome.next_attempt_at, again)

    # What went wrong

    def _failed(self, error: UnseenError) -> None:
        self.outcome.error = error
        # The app's circuit has told the operator; not once more for each account.
        ours = isinstance(error, OperatorFault) and error.code != "operator_credentials"
        log.at(
            logging.ERROR if ours else logging.WARNING,
            "account_not_read",
            account=self._account.id,
            error=error,
        )
        match error:
            case ReconnectNeeded():
                version = self._account.status_version + 1
                link = self._tools.links.reconnect_url(self._account, version, self._now())
                self._change_status(
                    "reconnect_required", error.code, events.ACCOUNT_RECONNECT_REQUIRED, link
                )
            case Blocked():
                self._block(error.code)
            case TryAgain(code="mailbox_unavailable"):
                if self._account.failures + 1 >= _UNAVAILABLE_UNTIL_BLOCKED:
                    self._block(error.code)
            case TryAgain() if error.code in STORAGE:
                # What was written may be there all the same, or was not settled.
                self._look_at_the_outbox_soon()
            case _:
                pass
        if self.outcome.next_refresh_at == "" and self._account.next_refresh_at <= instants.text(
            self._tick
        ):
            self.outcome.next_refresh_at = schedule.retry_at(self._tick)

    def _block(self, code: str) -> None:
        if (self._account.status, self._account.code) != ("blocked", code):
            self._change_status("blocked", code, events.ACCOUNT_BLOCKED)

    def _change_status(self, status: str, code: str, kind: str, link: str = "") -> None:
        """The event first, then (at the end of the run) the row: a kill between them repeats it."""
        now = instants.text(self._now())
        version = self._account.status_version + 1
        event = events.status_event(self._account, kind, version, now, code=code, link=link)
        self._recorded(self._ledger.record_once(event), {})
        self.outcome.status, self.outcome.code = status, code
        log.info("status", account=self._account.id, status=status, code=code)

    def _unexpected(self, error: Exception) -> None:
        """One account's surprise must not end the batch."""
        log.error("turn_failed", account=self._account.id, place=place(error))
        if not self.outcome.error:
            code = error.code if isinstance(error, UnseenError) else "internal"
            self.outcome.error = TryAgain(code)
        self.outcome.checked = self.outcome.checked or self._account.status == "active"
        self._look_at_the_outbox_soon()

    def _look_at_the_outbox_soon(self) -> None:
        """The turn ended before it knew what is owed."""
        self.outcome.next_attempt_at = schedule.retry_at(self._tick)
