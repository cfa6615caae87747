"""Check: finds the unseen mail above a folder's cursor and records it, cursor and events together.

STATUS first: where nothing came, that is all. Otherwise the folder is opened with EXAMINE, its
UIDNEXT bounds the search, and mail is fetched and recorded in groups; it's fine to be killed
between any two, because the cursor moves only with the events.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared import events, filters, ids, imap, instants, mail_content
from shared.account_rows import Account, Folder
from shared.ledger import Ledger
from shared.logs import Log
from shared.mail_content import Content
from shared.outbox_rows import Cursor, Delivery, Event
from shared.room import Place, Room

log = Log(__name__)

_RESET_WINDOW = timedelta(hours=48)

type Recorded = Callable[[Sequence[Event], Mapping[int, Content]], None]


@dataclass(slots=True)
class Check:
    """Looks through the folders of one account for one turn.

    recorded: called with each group once it is owed, and what was read by sequence. deadline: of
    the monotonic clock. seen_too: mail that was read elsewhere counts as new. mails: how many were
    recorded; filtered: how many no endpoint takes.
    """

    account: Account
    session: Callable[[], imap.Session]
    ledger: Ledger
    known_mail: Callable[[], Callable[[Mapping[str, Any]], bool]]
    recorded: Recorded
    backlog_limit: int
    body_limit: int
    deadline: float
    clock: instants.Clock
    max_mail_bytes: int
    room: Room
    seen_too: bool = False
    mails: int = 0
    filtered: int = 0

    def folder(self, folder: Folder) -> tuple[Folder, bool]:
        """Looks through one folder; gives it as it now stands, and whether some mail is left."""
        session = self.session()
        status = session.status(folder.name)
        seen = (folder.uidvalidity, folder.scanned_below)
        if status.uidnext and (status.uidvalidity, status.uidnext) == seen:
            return folder, False
        status = session.examine(folder.name)
        cursor = self.ledger.cursor(folder.name)
        through = self._through(session, status, cursor)
        if not through:
            return folder, True
        return Folder(folder.name, status.uidvalidity, status.uidnext), False

    def _through(self, session: imap.Session, status: imap.FolderStatus, cursor: Cursor) -> bool:
        """Records all that is new; False where the time was up before the end."""
        position = self._positioned(cursor, status)
        uids = session.unseen(
            position.last_uid + 1,
            max(status.uidnext - 1, 0),
            status.exists,
            seen_too=self.seen_too and position.started,
        )
        upper = max([status.uidnext - 1, position.last_uid, *uids])
        if not position.started:
            position, uids = self._first(position, uids, upper)
        if position.uidvalidity != cursor.uidvalidity:
            # All that is there now was there before, also where UIDNEXT is missing or too low.
            position = replace(
                position,
                backlog_until=upper,
                reset_found=len(uids),
                reset_known=0,
                reset_sent=0,
            )
        is_known = self._is_known(position)
        for group in mail_content.groups(session, uids, self.max_mail_bytes):
            weight = mail_content.weight((item.size for item in group), self.max_mail_bytes)
            place = self.room.place(weight, self.deadline)
            if place is None:
                return False
            last = upper if group[-1].uid == uids[-1] else group[-1].uid
            moved = replace(position, last_uid=last)
            with closing(place):
                cursor = position = self._record(cursor, moved, group, is_known, place)
        if replace(position, last_uid=upper) != cursor:
            _, stored = self._move(cursor, replace(position, last_uid=upper), [])
            self.recorded(stored, {})
        return True

    def _first(self, position: Cursor, uids: list[int], upper: int) -> tuple[Cursor, list[int]]:
        """The first check takes the newest of the unseen mail that is there, oldest first."""
        kept = uids[-self.backlog_limit :] if self.backlog_limit else []
        below = kept[0] - 1 if kept else upper
        return (
            replace(
                position,
                started=True,
                last_uid=below,
                backlog_until=upper,
                backlog_found=len(uids),
                backlog_sent=0,
            ),
            kept,
        )

    def _record(
        self,
        cursor: Cursor,
        moved: Cursor,
        group: Sequence[imap.Listed],
        is_known: Callable[[imap.Listed, Content | None], bool],
        place: Place,
    ) -> Cursor:
        """Records one group and hands it on; gives the cursor as it is stored then."""
        contents = mail_content.read(self.session(), group, self.body_limit, self.max_mail_bytes)
        place.shrink(mail_content.kept(one.mail for one in contents.values() if one))
        here = [item for item in group if item.uid in contents]
        if len(here) < len(group):
            log.info(
                "mail_expunged_meanwhile", account=self.account.id, mails=len(group) - len(here)
            )
        too_old = [item for item in here if _is_too_old(item, moved)]
        unknown = [item for item in here if not is_known(item, contents[item.uid])]
        new = [
            self._event(moved, item, contents[item.uid]) for item in unknown if item not in too_old
        ]
        moved = _counted(moved, here, too_old, unknown)
        made = [event for event in new if event.endpoints]
        self.filtered += len(new) - len(made)
        newest = max([moved.newest, *(instants.text(item.received_at) for item in group)])
        moved = replace(moved, newest=newest)
        if not moved.ready:
            moved = replace(moved, backlog_sent=moved.backlog_sent + len(made))
        cursor, stored = self._move(cursor, moved, made)
        self.mails += len(made)
        read = {event.sequence: contents.get(event.uid) for event in stored if event.uid}
        self.recorded(stored, {sequence: found for sequence, found in read.items() if found})
        return cursor

    def _move(self, cursor: Cursor, moved: Cursor, made: list[Event]) -> tuple[Cursor, list[Event]]:
        """One transaction: the events, the cursor, and `mailbox.ready` where that is its moment."""
        if moved.started and not moved.ready and moved.last_uid >= moved.backlog_until:
            counts = {
                "found": moved.backlog_found,
                "sent": moved.backlog_sent,
                "left_out": max(moved.backlog_found - moved.backlog_sent, 0),
            }
            now = instants.text(self.clock())
            made = [*made, events.mailbox_ready(self.account, moved.folder, counts, now)]
            moved = replace(moved, ready=True)
        elif moved.reset_since and moved.last_uid >= moved.backlog_until:
            made = [*made, self._reset(moved)]
        if moved.last_uid >= moved.backlog_until:
            moved = replace(moved, reset_since="")
        stored, recorded = self.ledger.record(made, cursor, moved)
        assert stored is not None
        return stored, recorded

    def _reset(self, moved: Cursor) -> Event:
        counts = {
            "found": moved.reset_found,
            "known": moved.reset_known,
            "sent": moved.reset_sent,
            "left_out": max(moved.reset_found - moved.reset_known - moved.reset_sent, 0),
        }
        now = instants.text(self.clock())
        return events.mailbox_reset(self.account, moved.folder, moved.uidvalidity, counts, now)

    def _positioned(self, cursor: Cursor, status: imap.FolderStatus) -> Cursor:
        """The cursor for the folder as it is; other UIDs begin again at the start.

        Only mail newer than the newest seen, less 48 h, can be new then.
        """
        if cursor.uidvalidity == status.uidvalidity:
            return cursor
        since = cursor.reset_since
        newest = cursor.newest or self.account.connected_at
        if cursor.uidvalidity and newest and not since:
            since = instants.text(instants.parse(newest) - _RESET_WINDOW)
        return replace(
            cursor,
            uidvalidity=status.uidvalidity,
            last_uid=0,
            reset_since=since,
        )

    def _is_known(self, position: Cursor) -> Callable[[imap.Listed, Content | None], bool]:
        """After a change of UIDVALIDITY: tells whether a mail was told of under its old UID."""
        if not position.reset_since:
            return lambda item, content: False
        known = self.known_mail()

        def is_known(item: imap.Listed, content: Content | None) -> bool:
            if item.uid > position.backlog_until:
                return False
            return content is not None and known(content.mail)

        return is_known

    def _event(self, position: Cursor, item: imap.Listed, content: Content | None) -> Event:
        now = instants.text(self.clock())
        kind = events.MAIL_RECEIVED
        webhook_id = ids.mail_webhook_id(
            self.account.id, position.folder, position.uidvalidity, item.uid, kind
        )
        received = instants.text(item.received_at)
        return Event(
            webhook_id=webhook_id,
            type=kind,
            recorded_at=now,
            envelope=events.envelope(content.mail if content else {}, received, item.size),
            endpoints=self._endpoints(position.folder, content, now),
            folder=position.folder,
            uidvalidity=position.uidvalidity,
            uid=item.uid,
            unread=content is None,
        )

    def _endpoints(self, folder: str, content: Content | None, now: str) -> dict[str, Delivery]:
        """Who shall have a mail; one that could not be read yet goes to all that may take it."""
        return {
            one.id: Delivery(next=now)
            for one in self.ledger.takers(events.MAIL_RECEIVED, folder)
            if content is None or filters.takes_mail(one.filter, content.mail, content.header)
        }


def _is_too_old(item: imap.Listed, moved: Cursor) -> bool:
    """After a change of UIDVALIDITY: it was there before the newest mail that we know."""
    if not moved.reset_since or item.uid > moved.backlog_until:
        return False
    return instants.text(item.received_at) < moved.reset_since


def _counted(
    moved: Cursor,
    here: Sequence[imap.Listed],
    too_old: Sequence[imap.Listed],
    unknown: Sequence[imap.Listed],
) -> Cursor:
    """The counts of `mailbox.reset` after one more group."""
    if not moved.reset_since:
        return moved
    told = [i for i in unknown if i not in too_old and i.uid <= moved.backlog_until]
    return replace(
        moved,
        reset_known=moved.reset_known + len(here) - len(unknown),
        reset_sent=moved.reset_sent + len(told),
    )
