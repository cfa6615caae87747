"""The content of mails, read from an open folder and parsed: what events are made of."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import header_words, imap, instants, mail, mail_body, skeletons
from shared.header_fields import Header
from shared.imap_errors import CommandRefused
from shared.logs import Log

log = Log(__name__)

_GROUP_BYTES = 8 * 1024 * 1024
_ANSWER_BYTES = 48 * 1024 * 1024  # less than what `imap_wire` takes of an answer
_HEADER_BYTES = 1024 * 1024
_LEAST_BYTES = 4 * 1024
_TEXTS = ("text", "html", "reply_text")
# All text that is read of a mail, in UTF-8 or as sent: neither makes five bytes of one.
WHOLE_BODY_BYTES = 4 * mail_body.MAX_TEXT_BYTES
_GROUP_MAILS = 97  # a transaction has 98 places for events; one is for mailbox.ready


@dataclass(frozen=True, slots=True)
class Content:
    """A mail as read: the event's fields that come from it, and its flags at that time.

    fields: the mail's header, raw.
    """

    mail: dict[str, Any] = field(repr=False)
    flags: tuple[str, ...]
    fields: Header = field(repr=False)

    def header(self, name: str) -> list[str]:
        """The decoded values of every header field of this name."""
        return [header_words.text(value) for value in self.fields.all(name.lower())]


def groups(
    session: imap.Session, uids: Sequence[int], max_mail_bytes: int
) -> Iterator[list[imap.Listed]]:
    """The mails in groups that fit a transaction and a bounded memory, in the order given."""
    for start in range(0, len(uids), _GROUP_MAILS):
        group: list[imap.Listed] = []
        size = 0
        for item in listed(session, uids[start : start + _GROUP_MAILS]):
            more = weight([item.size], max_mail_bytes)
            if group and size + more > _GROUP_BYTES:
                yield group
                group, size = [], 0
            group.append(item)
            size += more
        if group:
            yield group


def weight(sizes: Iterable[int], max_mail_bytes: int) -> int:
    """Bytes that are fetched of mails of these sizes: of those beyond the limit, an outline."""
    return sum(size if size <= max_mail_bytes else _HEADER_BYTES for size in sizes)


def kept(mails: Iterable[Mapping[str, Any]]) -> int:
    """About the bytes that mails take once they are read: as fields, and as JSON to send."""
    texts = ((mail.get(name) or "" for name in _TEXTS) for mail in mails)
    return sum(2 * (_LEAST_BYTES + sum(map(len, each))) for each in texts)


def weight_by_groups(sizes: Sequence[int], max_mail_bytes: int) -> int:
    """Bytes that are fetched at a time where `groups` makes groups of these mails."""
    largest = max((weight([size], max_mail_bytes) for size in sizes), default=0)
    return max(largest, min(weight(sizes, max_mail_bytes), _GROUP_BYTES))


def listed(session: imap.Session, uids: Sequence[int]) -> list[imap.Listed]:
    """One command for all; where the server refuses it, one by one, a bad one as if it came now."""
    try:
        return session.listed(uids)
    except CommandRefused:
        if len(uids) == 1:
            return [imap.Listed(uids[0], 0, instants.now(), ())]
    return [item for uid in uids for item in listed(session, [uid])]


def read(
    session: imap.Session,
    group: Sequence[imap.Listed],
    body_limit: int,
    max_mail_bytes: int,
    *,
    texts_of_large: bool = False,
) -> dict[int, Content | None]:
    """Content by UID: None where the server refuses it or it can't be parsed.

    A mail that was expunged meanwhile is left out. body_limit: bytes of text and of html. A mail
    beyond `max_mail_bytes` is read by headers and structure only, and its texts where
    `texts_of_large` asks for them; one that turns out to be larger than it was listed is cut there.
    """
    found: dict[int, Content | None] = {}
    whole = [item for item in group if item.size <= max_mail_bytes]
    bodies = _bodies(session, whole, max_mail_bytes)
    for item in group:
        if item.uid in bodies:
            raw = bodies.pop(item.uid)
            cut = raw is not None and len(raw) >= max_mail_bytes
            found[item.uid] = _parsed(raw, item, body_limit, too_large=cut)
        elif item.size > max_mail_bytes:
            found |= _in_outline(session, item, body_limit, with_texts=texts_of_large)
    return found


def outline(session: imap.Session, uid: int) -> tuple[bytes, Any] | None:
    """Header and BODYSTRUCTURE, None for what the server can't say of it; None if expunged."""
    header = session.header(uid, _HEADER_BYTES)
    if header is None:
        return None
    with contextlib.suppress(CommandRefused):
        return header, session.structure(uid)
    return header, None


def _in_outline(
    session: imap.Session, item: imap.Listed, body_limit: int, *, with_texts: bool
) -> dict[int, Content | None]:
    try:
        found = outline(session, item.uid)
        if found is None:
            return {}
        raw, leaves = skeletons.skeleton(*found)
        if with_texts:
            raw, leaves = skeletons.skeleton(*found, _texts(session, item.uid, leaves))
    except CommandRefused:
        return {item.uid: None}
    content = _parsed(raw, item, body_limit, too_large=not with_texts)
    if content:
        if not with_texts:
            content.mail.update(text=None, html=None, reply_text=None)
        for attachment in content.mail["attachments"]:
            leaf = leaves.get(attachment["id"])
            attachment["size"] = leaf.size if leaf else attachment["size"]
    return {item.uid: content}


def _bodies(
    session: imap.Session, items: Sequence[imap.Listed], max_mail_bytes: int
) -> dict[int, bytes | None]:
    """One command for those that are small by far; the others, and what was not, one by one.

    Listed sizes may be wrong by any factor: each mail gets an equal share of what an answer holds.
    """
    share = min(_ANSWER_BYTES // max(len(items), 1), max_mail_bytes)
    small = [item.uid for item in items if 2 * item.size <= share]
    found = _fetched(session, small, share) if small else {}
    for item in items:
        raw = found.get(item.uid)
        if item.uid not in small or (raw and share <= len(raw) < max_mail_bytes):
            found.pop(item.uid, None)
            found |= _fetched(session, [item.uid], max_mail_bytes)
    return found


def _texts(
    session: imap.Session, uid: int, leaves: Mapping[str, skeletons.Leaf]
) -> dict[str, bytes]:
    """The parts that are text, as sent, as much of them as a mail may have."""
    found: dict[str, bytes] = {}
    room = WHOLE_BODY_BYTES
    for number, leaf in leaves.items():
        if leaf.is_body and room:
            found[number] = session.piece(uid, number, 0, room) or b""
            room -= len(found[number])
    return found


def _fetched(session: imap.Session, uids: list[int], first_bytes: int) -> dict[int, bytes | None]:
    """One command for all; where the server refuses it, one by one, without the bad ones."""
    try:
        return dict(session.bodies(uids, first_bytes))
    except CommandRefused:
        if len(uids) == 1:
            log.warning("mail_not_readable", uid=uids[0])
            return {uids[0]: None}
    found: dict[int, bytes | None] = {}
    for uid in uids:
        found |= _fetched(session, [uid], first_bytes)
    return found


def _parsed(
    raw: bytes | None, item: imap.Listed, body_limit: int, *, too_large: bool
) -> Content | None:
    if raw is None:
        return None
    try:
        parsed = mail.parse(raw)
        fields = mail.to_event(parsed, body_limit=body_limit)
    except Exception as error:
        # One mail must not stop the others, whatever is in it; its text stays out of the log.
        log.warning("mail_not_readable", uid=item.uid, error=error)
        return None
    if too_large:
        fields["truncated"] = True
        fields["issues"] = [*fields["issues"], "too_large"]
    return Content(fields, item.flags, parsed.header)
