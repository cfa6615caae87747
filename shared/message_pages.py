"""A page of a folder's mail that fits a search, newest first, in bounded work.

The server is asked in ranges of UIDs whose answer fits a line. Where its answer may hold too much,
what it lists is looked at once more: the envelope, or the mail itself.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import envelopes, imap, mail_content
from shared.searches import Search

_GROUP = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one call looks at: ranges of UIDs, mails, and mails whose content has to be read."""

    ranges: int = 50
    mails: int = 2_000
    contents: int = 100


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that fits: as it is listed, and its fields."""

    listed: imap.Listed
    mail: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """below: mail with a lower UID was not looked at; 0 where there is none.

    incomplete: a bound was reached before the page was full.
    """

    found: list[Found]
    below: int
    incomplete: bool


def read(
    session: imap.Session,
    search: Search,
    status: imap.FolderStatus,
    below: int,
    limit: int,
    max_mail_bytes: int,
    bounds: Bounds = BOUNDS,
) -> Page:
    """The page of the open folder whose UIDs are lower than `below`; 0: from its newest mail on."""
    found: list[Found] = []
    looked_at = ranges = 0
    most = bounds.contents if search.asks_content else bounds.mails
    last = (below or status.uidnext) - 1
    if below == 1 or not status.exists:
        return Page(found, 0, incomplete=False)
    for uids, low in _groups(session, search, max(last, 0), status.exists, limit + 1):
        for one in _fitting(session, search, uids, max_mail_bytes):
            if len(found) == limit:
                return Page(found, found[-1].listed.uid, incomplete=False)
            found.append(one)
        looked_at += len(uids)
        ranges += not uids
        if low > 1 and (looked_at >= most or ranges >= bounds.ranges):
            return Page(found, low, incomplete=True)
    return Page(found, 0, incomplete=False)


def _groups(
    session: imap.Session, search: Search, last: int, exists: int, size: int
) -> Iterator[tuple[list[int], int]]:
    """UIDs that the server lists, descending, each group with how far down it goes.

    An empty one ends each range.
    """
    criteria = search.criteria()
    for low, high in reversed([*imap.windows(1, last, exists)]):
        uids = session.search(low, high, criteria)[::-1]
        for group in itertools.batched(uids, min(size, _GROUP), strict=False):
            yield [*group], group[-1]
        yield [], low


def _fitting(
    session: imap.Session, search: Search, uids: Sequence[int], max_mail_bytes: int
) -> Iterator[Found]:
    listed = [
        item for item in mail_content.listed(session, uids) if search.is_within(item.received_at)
    ]
    told = session.envelopes([item.uid for item in listed])
    for item in listed:
        fields = envelopes.fields(told[item.uid])
        if search.fits_envelope(fields) and (
            not search.asks_content or _has_text(session, search, item, max_mail_bytes)
        ):
            yield Found(item, fields)


def _has_text(
    session: imap.Session, search: Search, item: imap.Listed, max_mail_bytes: int
) -> bool:
    content = mail_content.read(
        session, [item], mail_content.WHOLE_BODY_BYTES, max_mail_bytes, texts_of_large=True
    ).get(item.uid)
    return content is not None and search.fits_content(content.mail)
