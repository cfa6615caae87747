"""The mail of a connected mailbox, as the API gives it: folders, lists, one mail, and changes.

Nothing becomes \\Seen but by `change`.
"""

from collections.abc import Mapping
from typing import Any

from shared import events, imap, instants, mail_content, message_forms, message_pages, pages_of
from shared.account_forms import INBOX
from shared.account_rows import Account
from shared.errors import Rejected
from shared.mailboxes import Mailboxes, Opened, known_folder, opened
from shared.message_urls import MessageUrl
from shared.searches import Search
from shared.settings import Settings

_SECONDS = 60


class Messages:
    """Raises what `Mailboxes` does, and Rejected `field_invalid` with the field."""

    def __init__(self, settings: Settings, mailboxes: Mailboxes) -> None:
        self._settings = settings
        self._mailboxes = mailboxes

    def folders(self, account_id: str) -> dict[str, Any]:
        """Every folder: name, delimiter of names within it, attributes, whether it is watched."""
        with self._mailboxes.open(account_id, _SECONDS) as (account, session):
            watched = {folder.name for folder in account.folders}
            return {
                "folders": [
                    {
                        "name": one.name,
                        "delimiter": one.delimiter,
                        "attributes": list(one.attributes),
                        "watched": one.name in watched,
                    }
                    for one in session.folders()
                ]
            }

    def page(self, account_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A folder's mail that fits, newest first, and the next page's cursor ('' at the end).

        query: `message_forms.SEARCH`, limit, cursor. incomplete: so much mail had to be looked at
        that the page is not full; what is left is behind its cursor.
        """
        wanted = message_forms.query(query, message_forms.SEARCH)
        limit = pages_of.limit(query.get("limit", ""))
        uidvalidity, below = _place(query.get("cursor", ""))
        folder = wanted.pop("folder", INBOX)
        with self._mailboxes.open(account_id, _SECONDS) as (account, session):
            status = opened(session, folder)
            if uidvalidity not in {0, status.uidvalidity}:
                raise Rejected("uid_validity_changed", status=409)
            page = message_pages.read(
                session, _search(wanted), status, below, limit, self._settings.max_mail_bytes
            )
        return {
            "folder": folder,
            "uid_validity": status.uidvalidity,
            "messages": [self._item(account, folder, status, one) for one in page.found],
            "cursor": _cursor(status.uidvalidity, page.below),
            "incomplete": page.incomplete,
        }

    def _item(
        self, account: Account, folder: str, status: imap.FolderStatus, one: message_pages.Found
    ) -> dict[str, Any]:
        base_url, listed = self._settings.public_base_url, one.listed
        url = MessageUrl(base_url, account.id, folder, status.uidvalidity, listed.uid)
        received_at = instants.text(listed.received_at)
        return (
            {"uid": listed.uid}
            | one.mail
            | events.as_listed(received_at, listed.size, listed.flags, url)
        )

    def show(self, account_id: str, uid: str, query: Mapping[str, str]) -> dict[str, Any]:
        """One mail with its whole text and html; its fields are those of `mail.received`."""
        with self._mailboxes.open_message(account_id, uid, query, _SECONDS) as mail:
            listed = mail.listed()
            read = mail_content.read(
                mail.session,
                [listed],
                mail_content.WHOLE_BODY_BYTES,
                self._settings.max_mail_bytes,
                texts_of_large=True,
            )
        if mail.uid not in read:
            raise Rejected("message_unknown", status=404)
        content = read[mail.uid]
        if content is None:
            raise Rejected("message_unreadable", status=409)
        return (
            {"account": events.about(mail.account)}
            | mail.place()
            | events.mail_fields(
                content.mail,
                instants.text(listed.received_at),
                listed.size,
                listed.flags,
                mail.url(self._settings.public_base_url),
            )
        )

    def change(
        self, account_id: str, uid: str, query: Mapping[str, str], body: Any
    ) -> dict[str, Any]:
        """Sets `seen` and `flagged`, then moves to `move_to`. Says where the mail is, its flags.

        Where the server does not say which UID a moved mail has, `uid` and `uid_validity` are None.
        """
        wanted = message_forms.changes(body)
        with self._mailboxes.open_message(account_id, uid, query, _SECONDS, to_change=True) as mail:
            mail.listed()
            if "move_to" in wanted:
                with known_folder("move_to"):  # before anything is changed
                    mail.session.status(wanted["move_to"])
            _flag(mail, wanted)
            flags = list(mail.listed().flags)
            place = _moved(mail, wanted["move_to"]) if "move_to" in wanted else mail.place()
        return place | {"flags": flags}


def _flag(mail: Opened, wanted: Mapping[str, Any]) -> None:
    flags = {imap.SEEN: wanted.get("seen"), imap.FLAGGED: wanted.get("flagged")}
    mail.session.store(
        [mail.uid],
        add=[name for name, value in flags.items() if value is True],
        remove=[name for name, value in flags.items() if value is False],
    )


def _moved(mail: Opened, folder: str) -> dict[str, Any]:
    uidvalidity, uid = mail.session.move(mail.uid, folder) or (None, None)
    return {"folder": folder, "uid": uid, "uid_validity": uidvalidity}


def _search(wanted: Mapping[str, Any]) -> Search:
    texts = {name: wanted[name] for name in ("from", "to", "subject", "text") if name in wanted}
    return Search(wanted.get("unseen"), wanted.get("since"), wanted.get("before"), texts)


def _cursor(uidvalidity: int, below: int) -> str:
    return pages_of.cursor(str(uidvalidity), str(below)) if below else ""


def _place(cursor: str) -> tuple[int, int]:
    """UIDVALIDITY and UID of a cursor, zeros for the beginning."""
    if not cursor:
        return 0, 0
    uidvalidity, uid = pages_of.place(cursor)
    return message_forms.number("cursor", uidvalidity), message_forms.number("cursor", uid)
