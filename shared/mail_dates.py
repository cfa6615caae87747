"""The Date field to a UTC instant. Pure. RFC 5322 sections 3.3 and 4.3, and what is left of it."""

import re
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_ZONES = {
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "cet": 1, "met": 1, "mez": 1, "cest": 2, "mest": 2, "mesz": 2, "eet": 2, "eest": 3, "bst": 1,
    "msk": 3, "jst": 9, "kst": 9, "hkt": 8, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_MAX_CHARACTERS = 200
_DATE = re.compile(
    r"""(?:[^\W\d]{2,}\.?,?\s*)?                     # the day of the week
    (?:(?P<day>\d{1,2})[\s.-]+(?P<month>[a-z]{3,9}|\d{1,2})\.?,?[\s.-]+(?P<year>\d{2,4})
      |(?P<month2>[a-z]{3,9})\.?\s+(?P<day2>\d{1,2}),?(?:\s+(?P<year2>\d{4}))?
      |(?P<year3>\d{4})-(?P<month3>\d{1,2})-(?P<day3>\d{1,2}))
    [\s,t]*
    (?:(?P<hour>\d{1,2})\s*[:.]\s*(?P<minute>\d{1,2})(?:\s*[:.]\s*(?P<second>\d{1,2})(?:[.,]\d+)?)?)?
    \s*(?P<half>[ap]m\b)?
    \s*(?:(?P<utc>gmt|utc?|z\b)?\s*(?P<sign>[+-])\s*(?P<offset>\d{1,2}:?\d{2}|\d{1,2})|(?P<zone>[a-z]{1,5}))?
    (?:\s*(?P<year4>\d{4})\b)?""",
    re.VERBOSE,
)


def read(line: str) -> datetime | None:
    """The instant a Date field states; None where it states none.

    line: unfolded. A zone that is not known counts as UTC (RFC 5322 section 4.3).
    """
    text = _without_comments(line[:20_000])[:_MAX_CHARACTERS].lower().strip()
    found = _DATE.match(text)
    if not found:
        return None
    group = found.groupdict()
    day, month, year = (
        group[key] or group[f"{key}2"] or group[f"{key}3"] for key in ("day", "month", "year")
    )
    year = year or group["year4"]
    number = int(month) if month.isdigit() else _MONTHS.get(month[:3], 0)
    if not year:
        return None
    hour = int(group["hour"] or 0)
    if group["half"]:
        hour = hour % 12 + (12 if group["half"] == "pm" else 0)
    try:
        local = datetime(
            _year(year), number, int(day), hour, int(group["minute"] or 0),
            min(int(group["second"] or 0), 59), tzinfo=UTC,
        )  # fmt: skip
        return local - _offset(group["sign"], group["offset"], group["zone"])
    except (ValueError, OverflowError):
        return None


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) > 3:
        return year
    return year + (1900 if len(digits) == 3 or year >= 50 else 2000)


def _offset(sign: str | None, digits: str | None, zone: str | None) -> timedelta:
    if not digits:
        return timedelta(hours=_ZONES.get(zone or "", _ZONES.get((zone or "")[:3], 0)))
    plain = digits.replace(":", "")
    hours, minutes = (int(plain), 0) if len(plain) <= 2 else (int(plain[:-2]), int(plain[-2:]))
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if sign == "-" else offset


def _without_comments(line: str) -> str:
    depth = 0
    kept = []
    for piece in re.split(r"(\\.|[()])", line):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif not depth:
            kept.append(piece)
    return " ".join(kept)
