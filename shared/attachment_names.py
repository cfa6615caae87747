"""Attachment names that are safe to show and to save under. Pure."""

import re
import unicodedata

MAX_NAME_CHARACTERS = 255
_MAX_RAW_CHARACTERS = 2_000

_UNSEEN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
_DRIVE = re.compile(r"\A\s*[A-Za-z]:")
_SPACES = re.compile(r"\s+")


def safe(name: str | None) -> str | None:
    """The base name without control, bidi and invisible characters; None where nothing is left.

    Never a path: what stands before the last slash or backslash is dropped, and a drive; `.` and
    `..` are no names.
    """
    if not name:
        return None
    base = name[max(name.rfind("/"), name.rfind("\\")) + 1 :][-_MAX_RAW_CHARACTERS:]
    seen = _DRIVE.sub("", _UNSEEN.sub("", _SPACES.sub(" ", base)), count=1).strip()
    if not seen.strip(". "):
        return None
    return unicodedata.normalize("NFC", _shortened(seen))


def _shortened(name: str) -> str:
    if len(name) <= MAX_NAME_CHARACTERS:
        return name
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 16:
        return stem[: MAX_NAME_CHARACTERS - len(extension) - 1] + dot + extension
    return name[:MAX_NAME_CHARACTERS]
