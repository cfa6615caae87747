"""Downloads: a mail as it was sent, and its attachments, fetched in pieces.

An HTTP answer of the Functions worker is one value, so it is put together in memory: once, decoded.
Of an attachment the server is asked for that part only; what stands inside a text (uuencoded
files), or where the server counts the parts of a broken mail otherwise, is taken from the mail.
"""

import io
import mimetypes
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared import content_disposition, mail, mail_content, skeletons, streamed_encodings
from shared.errors import Rejected
from shared.mail_body import Attachment
from shared.mailboxes import Mailboxes, Opened
from shared.settings import Settings

MAX_BYTES = 64 * 1024 * 1024
_SECONDS = 200  # an HTTP answer has 230
_PIECE_BYTES = 4 * 1024 * 1024
_MESSAGE = "message/rfc822"
# What a browser can show and nothing in it can act. Html is not among them, nor is svg.
_SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}


@dataclass(frozen=True, slots=True)
class Download:
    """A file of somebody's mail: its bytes, and the header fields it goes with."""

    content: bytes = field(repr=False)
    content_type: str
    disposition: str


class Downloads:
    """Raises what `Mailboxes.open_message` does, and Rejected 413 `content_too_large`."""

    def __init__(self, settings: Settings, mailboxes: Mailboxes) -> None:
        self._settings = settings
        self._mailboxes = mailboxes

    def raw(self, account_id: str, uid: str, query: Mapping[str, str]) -> Download:
        """The whole mail, byte for byte as the server has it."""
        with self._mailboxes.open_message(account_id, uid, query, _SECONDS) as found:
            _check_size(found.listed().size)
            content = _together(_pieces(found, ""))
        return Download(content, _MESSAGE, content_disposition.value(f"message-{found.uid}.eml"))

    def attachment(
        self, account_id: str, uid: str, attachment_id: str, query: Mapping[str, str]
    ) -> Download:
        """One attachment, decoded; its id is that of the mail's list of attachments.

        Raises Rejected 404 `attachment_unknown`.
        """
        with self._mailboxes.open_message(account_id, uid, query, _SECONDS) as found:
            outline = mail_content.outline(found.session, found.uid)
            if outline is None:
                raise Rejected("message_unknown", status=404)
            raw, leaves = skeletons.skeleton(*outline)
            attached = _named(mail.attachments(mail.parse(raw)), attachment_id)
            leaf = leaves.get(attachment_id)
            if attached and leaf:
                _check_size(leaf.octets)
                pieces = _pieces(found, attachment_id)
                content = _together(streamed_encodings.decoded(pieces, leaf.encoding))
            else:
                attached = self._of_the_mail(found, attachment_id)
                content = attached.data
        return Download(content, attached.content_type, _disposition(attached))

    def _of_the_mail(self, found: Opened, attachment_id: str) -> Attachment:
        """The attachment of the mail as it is parsed, where it is small enough for that."""
        if found.listed().size > self._settings.max_mail_bytes:
            raise Rejected("attachment_unknown", status=404)
        parsed = mail.parse(_together(_pieces(found, "")))
        attached = _named(mail.attachments(parsed), attachment_id)
        if attached is None:
            raise Rejected("attachment_unknown", status=404)
        return attached


def _named(attachments: Iterable[Attachment], attachment_id: str) -> Attachment | None:
    return next((one for one in attachments if one.id == attachment_id), None)


def _pieces(found: Opened, section: str) -> Iterator[bytes]:
    """A section until the server has no more of it; sizes that were told are estimates."""
    start = 0
    while piece := found.session.piece(found.uid, section, start, _PIECE_BYTES):
        start += len(piece)
        _check_size(start)
        yield piece


def _check_size(octets: int) -> None:
    if octets > MAX_BYTES:
        raise Rejected("content_too_large", status=413)


def _together(pieces: Iterable[bytes]) -> bytes:
    """One value of the pieces; unlike a join, without all of it there twice."""
    whole = io.BytesIO()
    whole.writelines(pieces)
    return whole.getvalue()


def _disposition(attached: Attachment) -> str:
    extension = mimetypes.guess_extension(attached.content_type) or ""
    name = attached.filename or f"attachment-{attached.id}{extension}"
    inline = attached.inline and attached.content_type in _SHOWN
    return content_disposition.value(name, inline=inline)
