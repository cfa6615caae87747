"""The newest part of a reply: what was written, without what it answers. Pure."""

import re
from functools import cache

MAX_LINES = 150
_MAX_CHARACTERS = 1_000_000
_MAX_LINE_CHARACTERS = 160
_MAX_BLANK_LINES = 3

_SPACES = re.compile(r"\s+")
_SEPARATOR = re.compile(r"[_-]{10,}")
_DIVIDER = re.compile(r"_{10,}|-{5,}(?:[^-]{1,60}-{5,})?")
_ATTRIBUTION = re.compile(r"(?=.*(?:\d|@)).*:")
_PREFIX = re.compile(r"\s*[^\W\d_]{1,6}(?:\s*\[\d{1,4}\])?\s*[::]")


def is_reply(subject: str | None, in_reply_to: str | None) -> bool:
    """Whether a mail answers (or forwards) one: it says what, or its subject begins like `Re:`."""
    return bool(in_reply_to or _PREFIX.match(subject or ""))


def newest(text: str) -> str:
    """The lines above the quoted mail, and between quotes; all of it where nothing is left.

    Of the first million characters; where the older mail begins is searched in the first 150 lines.
    """
    lines = text[:_MAX_CHARACTERS].split("\n")
    above = _own_lines(lines[: _older_mail(lines)])
    return above or _own_lines(lines) or text


def _own_lines(lines: list[str]) -> str:
    kept = _without_quotes(lines)
    while kept and (not kept[-1].strip() or _DIVIDER.fullmatch(kept[-1].strip())):
        kept.pop()
    return "\n".join(kept).strip("\n")


def _older_mail(lines: list[str]) -> int:
    """The line where an older mail begins without quote marks; behind the last where none does."""
    # Shortened, so that the library's expressions, which are cubic in a line, stay quick.
    head = [_SPACES.sub(" ", line[:_MAX_LINE_CHARACTERS]).strip() for line in lines[:MAX_LINES]]
    head = ["--" if _SEPARATOR.fullmatch(line) else line for line in head]
    found = _older_mail_header().search("\n".join(head))
    if found is None or not found.start():
        return len(lines)
    return len(found.string[: found.start()].rstrip("\n").split("\n"))


@cache
def _older_mail_header() -> re.Pattern[str]:
    """How mail programs head the mail that is answered, in the languages the library knows."""
    # Imported here: few mails need it, and a cold start should not wait for it.
    from mailparser_reply.constants import GENERIC_MAIL_SEPARATOR, MAIL_LANGUAGES

    headers = [GENERIC_MAIL_SEPARATOR]
    for language in MAIL_LANGUAGES.values():
        headers += [language[kind] for kind in ("wrote_header", "from_header") if kind in language]
    return re.compile("|".join(headers), re.MULTILINE | re.IGNORECASE)


def _without_quotes(lines: list[str]) -> list[str]:
    """The lines without `>` ones and without the line or two that introduce them."""
    kept: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith(">"):
            if number and not lines[number - 1].startswith(">"):
                _drop_attribution(kept)
            continue
        kept.append(line)
    return kept


def _drop_attribution(kept: list[str]) -> None:
    """Take `On … wrote:` off the end, in any language: a line or two that end with a colon."""
    end = len(kept)
    while len(kept) - _MAX_BLANK_LINES < end and end and not kept[end - 1].strip():
        end -= 1
    for start in (end - 1, end - 2):
        if start >= 0 and _ATTRIBUTION.fullmatch(" ".join(kept[start:end])[:500].strip()):
            del kept[start:]
            return
