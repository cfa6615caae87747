"""Attempts: later deliveries of what is owed, with its content read from the mailbox again.

A mail is looked for by UID, then by Message-ID in its folder, Archive and Deleted Items. Gone
means that the server was asked and does not have it; where the mailbox can't be read now, the
attempt is put off and uses up none, until 72 h after the event was recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared import events, filters, imap, instants, mail_content
from shared.account_rows import Account
from shared.deliver import Budget, Deliverer
from shared.endpoints import Endpoints
from shared.errors import Blocked, UnseenError
from shared.imap_errors import TokenRefused
from shared.logs import Log
from shared.mail_content import Content
from shared.outbox_rows import Event
from shared.reader import Reader
from shared.room import Room

log = Log(__name__)

_READABLE_FOR = timedelta(hours=72)
_TRIES = 3
_RETRY_SECONDS = 300
_CHUNK = 49  # each may become an insert and a delete of one transaction
_OTHER_FOLDERS = ("Archive", "Deleted Items")

type Data = Mapping[str, Any]


@dataclass(slots=True)
class Attempts:
    """One account's later attempts in one turn.

    reader: None where the owner has to sign in again. base_url: where our API is. put_off: some
    mail could not be read now.
    """

    account: Account
    reader: Reader | None
    deliverer: Deliverer
    endpoints: Endpoints
    budget: Budget
    body_limit: int
    deadline: float
    clock: instants.Clock
    max_mail_bytes: int
    room: Room
    base_url: str
    put_off: bool = False

    def run(self, due: Sequence[Event]) -> None:
        """Makes an attempt for each of the events, as far as time and mailbox allow."""
        for start in range(0, len(due), _CHUNK):
            chunk = due[start : start + _CHUNK]
            data = {e.sequence: events.without_reading(self.account, e) for e in chunk}
            owed = [event for event in chunk if data[event.sequence] is None]
            ready = [event for event in chunk if data[event.sequence] is not None]
            sizes = [int(event.envelope["size"]) for event in owed]
            weight = mail_content.weight_by_groups(sizes, self.max_mail_bytes)
            place = self.room.place(weight, self.deadline)
            if place is None:
                return
            with closing(place):
                for event, read in self._read(owed):
                    data[event.sequence] = read
                    ready.append(event)
                place.shrink(mail_content.kept(one for one in data.values() if one))
                self._deliver(sorted(ready, key=lambda event: event.sequence), data)

    def _deliver(self, ready: Sequence[Event], data: Mapping[int, Data | None]) -> None:
        self.deliverer.deliver(
            self.account.id, ready, lambda event: data[event.sequence] or {}, self.budget
        )

    def _read(self, owed: Sequence[Event]) -> Iterator[tuple[Event, Data]]:
        """The mails with their data, in the groups that they are read in; what can't be is left."""
        try:
            for folder in sorted({event.folder for event in owed}):
                if self.reader is None or self.put_off:
                    break
                here = [event for event in owed if event.folder == folder]
                yield from self._found(self.reader.session(), folder, here)
                owed = [event for event in owed if event.folder != folder]
        except (UnseenError, TokenRefused) as error:
            if self.reader:
                self.reader.close()
            log.info("content_put_off", account=self.account.id, error=error)
        yield from self._unavailable(owed)

    def _unavailable(self, owed: Sequence[Event]) -> Iterator[tuple[Event, Data]]:
        """Without the mailbox: an attempt waits, up to 72 h after the event was recorded."""
        self.put_off = self.put_off or bool(owed)
        end = instants.text(self.clock() - _READABLE_FOR)
        for event in owed:
            if event.recorded_at < end:
                yield (
                    event,
                    events.mail_without_content(self.account, event, events.UNAVAILABLE),
                )

    def _found(
        self, session: imap.Session, folder: str, owed: Sequence[Event]
    ) -> Iterator[tuple[Event, Data]]:
        contents: dict[int, Content | None] = {}
        status = _examined(session, folder)
        if status:
            uids = {e.uid: e.sequence for e in owed if e.uidvalidity == status.uidvalidity}
            contents |= self._by_uid(session, uids)
            contents |= self._by_message_id(session, owed, contents)
        for other in _OTHER_FOLDERS:
            missing = [event for event in owed if event.sequence not in contents]
            if missing and _examined(session, other):
                contents |= self._by_message_id(session, missing, contents)
        for event in owed:
            if event.sequence not in contents:
                yield event, events.mail_without_content(self.account, event, events.GONE)
                continue
            yield from self._with_content(event, contents[event.sequence])

    def _with_content(self, event: Event, content: Content | None) -> Iterator[tuple[Event, Data]]:
        if content is not None:
            event = self._filtered(event, content)
            mail, flags = content.mail, content.flags
            yield event, events.mail_received(self.account, event, mail, flags, self.base_url)
        elif event.tries + 1 < _TRIES:
            self.deliverer.postpone(
                self.account.id, replace(event, tries=event.tries + 1), _RETRY_SECONDS
            )
        else:
            unreadable = events.unreadable(self.account, event)
            yield (
                unreadable,
                events.mail_without_content(self.account, unreadable, events.UNREADABLE),
            )

    def _filtered(self, event: Event, content: Content) -> Event:
        """Asks the filters of what was recorded unread, now that it can be."""
        if not event.unread:
            return event
        known = self.endpoints.all()
        refused = {
            name: replace(delivery, state="done", next=instants.NEVER)
            for name, delivery in event.endpoints.items()
            if name in known
            and not filters.takes_mail(known[name].filter, content.mail, content.header)
        }
        return replace(event, endpoints=event.endpoints | refused, unread=False)

    def _by_uid(
        self, session: imap.Session, sequences: Mapping[int, int]
    ) -> dict[int, Content | None]:
        """Content by sequence of the mails with these UIDs in the open folder."""
        contents: dict[int, Content | None] = {}
        for group in mail_content.groups(session, sorted(sequences), self.max_mail_bytes):
            read = mail_content.read(session, group, self.body_limit, self.max_mail_bytes)
            contents |= {sequences[uid]: content for uid, content in read.items()}
        return contents

    def _by_message_id(
        self,
        session: imap.Session,
        owed: Sequence[Event],
        contents: Mapping[int, Content | None],
    ) -> dict[int, Content | None]:
        found: dict[int, Content | None] = {}
        for event in owed:
            message_id = event.envelope.get("message_id")
            if event.sequence in contents or not message_id:
                continue
            uids = session.with_message_id(str(message_id))[:1]
            found |= self._by_uid(session, dict.fromkeys(uids, event.sequence))
        return found


def _examined(session: imap.Session, folder: str) -> imap.FolderStatus | None:
    """The folder, opened; None where it does not exist."""
    try:
        return session.examine(folder)
    except Blocked:
        return None
