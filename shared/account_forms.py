"""What an API caller may say about an account: JSON in, checked values out.

Every refusal is Rejected `field_invalid` whose detail names the field.
"""

import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from shared import id_token
from shared.account_rows import MAX_FOLDERS, Account, Folder
from shared.errors import Rejected

INBOX = "INBOX"
ACTIVE, PAUSED = "active", "paused"
_MAX_LABELS = 50
_MAX_ENDPOINTS = 20
_MAX_ALIASES = 50
_MAX_FOLDER_NAME = 250
_NOT_IN_A_FOLDER = set("*%")  # LIST's wildcards: no folder that was listed has them


def changes(body: Any, endpoints: Collection[str]) -> dict[str, Any]:
    """The fields that a change names; `endpoint_id` is short for one of `endpoints`.

    endpoints: ids of those that are there.
    """
    found = _read(body, CHANGES, endpoints)
    if "endpoint_id" in found:
        found.setdefault("endpoints", (found.pop("endpoint_id"),))
    return found


def fields(
    body: Any,
    readers: "Mapping[str, Reader]",
    required: Collection[str],
    endpoints: Collection[str],
) -> dict[str, Any]:
    """The fields of something new; those that are required have to be there."""
    found = _read(body, readers, endpoints)
    for name in required:
        if name not in found:
            raise invalid(name)
    return found


def _read(body: Any, readers: "Mapping[str, Reader]", endpoints: Collection[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise invalid("body")
    for name in body:
        if name not in readers:
            raise invalid(str(name)[:50])
    found = {name: readers[name](name, value) for name, value in body.items()}
    for name in ("endpoints", "endpoint_id"):
        named = [found[name]] if name == "endpoint_id" and name in found else found.get(name, ())
        if not set(named) <= set(endpoints):
            raise invalid(name)
    if "endpoints" in found and "endpoint_id" in found:
        raise invalid("endpoint_id")
    return found


def invalid(name: str) -> Rejected:
    return Rejected("field_invalid", name)


def text(name: str, value: Any, most: int = 200) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise invalid(name)
    return value


def address(name: str, value: Any) -> str:
    """What may be the address of a mailbox, with one way to write each character."""
    found = unicodedata.normalize("NFC", text(name, value, 254).strip())
    if not id_token.is_address(found):
        raise invalid(name)
    return found


def aliases(name: str, value: Any) -> tuple[str, ...]:
    """Up to 50 addresses, each once."""
    return tuple(address(name, one) for one in _texts(name, value, 0, _MAX_ALIASES, 254))


def labels(name: str, value: Any) -> tuple[str, ...]:
    """Up to 50 short texts, each once."""
    return _texts(name, value, 0, _MAX_LABELS, 100)


def folders(name: str, value: Any) -> tuple[Folder, ...]:
    """1 to 20 names of folders, each once; INBOX is one in any case (RFC 9051, 5.1)."""
    names = _texts(name, value, 1, MAX_FOLDERS, _MAX_FOLDER_NAME)
    return tuple(Folder(one) for one in dict.fromkeys(folder(name, one) for one in names))


def folder(name: str, value: Any) -> str:
    """The name of one folder."""
    found = text(name, value, _MAX_FOLDER_NAME)
    if not found or _NOT_IN_A_FOLDER & set(found):
        raise invalid(name)
    return INBOX if found.upper() == INBOX else found


def _texts(name: str, value: Any, least: int, most: int, length: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise invalid(name)
    found = tuple(dict.fromkeys(text(name, one, length) for one in value))
    if not all(one.strip() == one != "" for one in found):
        raise invalid(name)
    return found


def endpoint_ids(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_ENDPOINTS:
        raise invalid(name)
    return tuple(dict.fromkeys(text(name, one) for one in value))


def one_of(*allowed: str) -> "Reader":
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise invalid(name)
        return value

    return read


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid(name)
    return value


type Reader = Callable[[str, Any], Any]

CHANGES: Mapping[str, Reader] = {
    "status": one_of(ACTIVE, PAUSED),
    "labels": labels,
    "folders": folders,
    "endpoint_id": text,
    "endpoints": endpoint_ids,
    "common_endpoints": flag,
    "aliases": aliases,
}


# What may be said of an account before it is there, whoever connects it.
OF_NEW: Mapping[str, Reader] = {
    "reference": text,
    "labels": labels,
    "folders": folders,
    "start": one_of("unseen", "now"),
    "endpoint_id": text,
}


def described(account: Account, wanted: Mapping[str, Any]) -> Account:
    """The account with what is wanted of it; what was not said stays as it is."""
    watched = merged(account, wanted.get("folders", ()))
    own = (wanted["endpoint_id"],) if "endpoint_id" in wanted else account.endpoints
    return replace(
        account,
        labels=wanted.get("labels", account.labels),
        folders=watched or account.folders or (Folder(INBOX),),
        start=wanted.get("start", account.start),
        endpoints=own,
    )


def merged(account: Account, wanted: tuple[Folder, ...]) -> tuple[Folder, ...]:
    """The folders wanted; those that are watched already keep how far they were read."""
    known = {folder.name: folder for folder in account.folders}
    return tuple(known.get(folder.name, folder) for folder in wanted)
