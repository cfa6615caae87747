"""Message-ID, In-Reply-To and References: ids without their angle brackets. Pure.

RFC 5322 section 3.6.4, and fields without brackets or with words around the ids.
"""

import re

from shared import header_words

MAX_IDS = 200

_BRACKETED = re.compile(r"<([^<>]*)>?")


def read(value: bytes | None) -> tuple[str, ...]:
    """The ids in a raw value, the first 200; where nothing is in brackets, its words."""
    text = header_words.text(value or b"")
    found = _BRACKETED.findall(text) if "<" in text else text.replace(",", " ").split()
    ids = ("".join(item.split()) for item in found)
    return tuple(filter(None, ids))[:MAX_IDS]


def first(value: bytes | None) -> str | None:
    """The first id in a raw value; None where it has none."""
    return next(iter(read(value)), None)
