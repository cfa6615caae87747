"""Mark seen: what all endpoints took becomes \\Seen, where MARK_SEEN=after_delivery asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared import imap
from shared.account_rows import Account
from shared.errors import Blocked
from shared.outbox import Outbox
from shared.outbox_rows import Event


@dataclass(frozen=True, slots=True)
class MarkSeen:
    """One account's marks in one turn. It's fine to be killed: a mark is set again."""

    account: Account
    session: Callable[[], imap.Session]
    outbox: Outbox

    def run(self) -> None:
        """STOREs the flag on all that wait for it, folder by folder."""
        waiting = self.outbox.to_mark(self.account.id)
        for folder in sorted({event.folder for _, event in waiting}):
            here = [(key, event) for key, event in waiting if event.folder == folder]
            self._folder(folder, [event for _, event in here])
            self.outbox.marked(self.account.id, here)

    def _folder(self, folder: str, events: Sequence[Event]) -> None:
        session = self.session()
        try:
            status = session.select(folder)
        except Blocked:
            return  # the folder is gone, and its mails with it
        uids = {event.uid for event in events if event.uidvalidity == status.uidvalidity}
        for event in events:
            message_id = event.envelope.get("message_id")
            if event.uidvalidity != status.uidvalidity and message_id:
                uids.update(session.with_message_id(str(message_id))[:1])
        if uids:
            session.store(sorted(uids), add=[imap.SEEN])
