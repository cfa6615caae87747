"""Filters: which events an endpoint takes. Pure.

A filter is what an operator wrote as JSON: every part given has to match, and a part with several
values matches where one of them does. Text is compared without regard to case.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ACCOUNT_PARTS = ("reference", "labels", "folder")
MAIL_PARTS = ("from", "to", "subject_contains")
PARTS = (*ACCOUNT_PARTS, *MAIL_PARTS, "has_attachment", "header")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about, as far as an account knows it; folder is '' for account events."""

    type: str
    reference: str = ""
    labels: Sequence[str] = ()
    folder: str = ""


def takes(types: Sequence[str], wanted: Mapping[str, Any], subject: Subject) -> bool:
    """Whether type and account let the event through; no types means all of them."""
    if types and subject.type not in types:
        return False
    has = {
        "reference": [subject.reference],
        "labels": list(subject.labels),
        "folder": [subject.folder] if subject.folder else None,
    }
    return all(
        values is None or name not in wanted or _one_of(wanted[name], values)
        for name, values in has.items()
    )


def takes_mail(
    wanted: Mapping[str, Any], mail: Mapping[str, Any], header: Callable[[str], Sequence[str]]
) -> bool:
    """Whether the mail itself lets the event through.

    mail: the fields of `mail.received` that come from it. header: gives the values of a field.
    """
    subject = str(mail.get("subject") or "").casefold()
    attached = any(not one["inline"] for one in mail.get("attachments") or ())
    return (
        _people(wanted.get("from"), mail.get("from"))
        and _people(wanted.get("to"), [*(mail.get("to") or ()), *(mail.get("cc") or ())])
        and _contains(wanted.get("subject_contains"), subject)
        and wanted.get("has_attachment", attached) == attached
        and all(_one_of([value], header(name)) for name, value in wanted.get("header", {}).items())
    )


def _one_of(wanted: Sequence[str], values: Sequence[str]) -> bool:
    known = {value.strip().casefold() for value in values}
    return any(one.strip().casefold() in known for one in wanted)


def _people(wanted: Sequence[str] | None, people: Sequence[Mapping[str, Any]] | None) -> bool:
    """`@example.com` stands for everybody there."""
    if wanted is None:
        return True
    addresses = [str(one.get("address") or "").casefold() for one in people or ()]
    return any(
        address.endswith(one.casefold()) if one.startswith("@") else address == one.casefold()
        for one in wanted
        for address in addresses
    )


def _contains(wanted: Sequence[str] | None, text: str) -> bool:
    return wanted is None or any(one.casefold() in text for one in wanted)
