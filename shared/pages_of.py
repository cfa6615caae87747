"""Paging of lists: how many, and an opaque cursor that says where the next page begins. Pure."""

import base64
import binascii
import re

from shared.errors import Rejected

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_SEPARATOR = "|"


def limit(value: str) -> int:
    """The number of a page's items; raises Rejected `field_invalid`."""
    if not value:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise Rejected("field_invalid", "limit")
    return int(value)


def cursor(*place: str) -> str:
    """Where a page ended, in one word."""
    raw = _SEPARATOR.join(place).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def place(value: str, name: str = "cursor") -> tuple[str, str]:
    """What `cursor` was given, ('', '') for the beginning; raises Rejected `field_invalid`."""
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        first, _, second = raw.decode("ascii").partition(_SEPARATOR)
    except (binascii.Error, ValueError):
        raise Rejected("field_invalid", name) from None
    if not (first + second).isprintable() or set("/\\#?'") & set(first + second):
        raise Rejected("field_invalid", name)
    return first, second
