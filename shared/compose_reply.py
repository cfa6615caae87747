"""What a reply takes from the mail that it answers: its ids and its subject. Pure.

RFC 5322 section 3.6.4: References are the original's, or where it has none its In-Reply-To, and
then its Message-ID.
"""

import re
from dataclasses import dataclass

from shared import header_fields, header_words, message_ids
from shared.compose import Thread

# As many as other programs keep: the first names the thread, the last ones its branch.
_MAX_REFERENCES = 30
# What programs of other languages put there is one too (a second prefix would grow with each turn).
_REPLY = re.compile(
    r"\s*(?:re|aw|antw|sv|vs|r|res|ref|rif|odp|ynt|ang|\u56de\u590d|\u7b54\u590d|\u8fd4\u4fe1)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """thread: None where the original has no Message-ID. subject: the original's, as it is."""

    thread: Thread | None
    subject: str


def answered(header: bytes) -> Answered:
    """What the header of a mail says to its reply."""
    fields = header_fields.read(header, 0, len(header), {})
    subject = header_words.one_line(header_words.text(fields.first("subject") or b""))
    own = message_ids.first(fields.first("message-id"))
    if own is None or not _is_id(own):
        return Answered(None, subject)
    before = message_ids.read(fields.first("references"))
    if not before:
        parents = message_ids.read(fields.first("in-reply-to"))
        before = parents if len(parents) == 1 else ()
    references = [one for one in before if _is_id(one) and one != own]
    if len(references) >= _MAX_REFERENCES:
        references = [references[0], *references[2 - _MAX_REFERENCES :]]
    return Answered(Thread(own, (*references, own)), subject)


def to_id(message_id: str) -> Thread:
    """Where no more is known of the original than its id, without angle brackets."""
    return Thread(message_id, (message_id,))


def subject(original: str) -> str:
    """With `Re:`, once."""
    return original if _REPLY.match(original) else f"Re: {original}".strip()


def _is_id(value: str) -> bool:
    """Whether it fits a line of ours: what came from outside may be anything."""
    return value.isascii() and value.isprintable() and len(value) <= 900 and " " not in value
