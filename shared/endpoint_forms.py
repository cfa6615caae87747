"""What an API caller may say about an endpoint: JSON in, checked values out, JSON back. Pure.

Every refusal is Rejected `field_invalid` whose detail names the field.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import events, filters, instants
from shared.catalogue import ENTRIES
from shared.endpoints import Endpoint
from shared.errors import Rejected
from shared.guard import Guard

_NAMES = {
    "url": "url",
    "description": "description",
    "event_types": "types",
    "filter": "filter",
    "headers": "headers",
    "all_accounts": "common",
    "enabled": "enabled",
}
_OF_SETTINGS = {"enabled"}
_MAX_VALUES = 50
_MAX_HEADERS = 20
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]{0,2000}\Z")
# Hop-by-hop (RFC 9110, 7.6.1) and those that are ours to set.
_OUR_HEADERS = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
    *("transfer-encoding", "upgrade", "proxy-connection", "host", "content-length"),
    *("content-type", "content-encoding", "user-agent", "expect", "accept-encoding"),
}


def read(body: Any, guard: Guard, *, of_settings: bool = False) -> dict[str, Any]:
    """The fields given, by their names in `Endpoint`; `enabled` beside them where it was said."""
    if not isinstance(body, dict):
        raise _invalid("body")
    for name in body:
        if name not in _NAMES or (of_settings and name not in _OF_SETTINGS):
            raise _invalid(str(name)[:50])
    fields: dict[str, Any] = {
        _NAMES[name]: FIELDS[name](name, value) for name, value in body.items()
    }
    if "url" in fields:
        guard.check_url(fields["url"])
    return fields


def _text(most: int, name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise _invalid(name)
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name)
    return value


def _types(name: str, value: Any) -> tuple[str, ...]:
    values = _values(name, value)
    if not set(values) <= set(events.TYPES):
        raise _invalid(name)
    return values


def _values(name: str, value: Any) -> tuple[str, ...]:
    """A text, or up to 50 of them."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > _MAX_VALUES:
        raise _invalid(name)
    return tuple(_text(500, name, one) for one in listed)


def _filter(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(name)
    found: dict[str, Any] = {}
    for part, wanted in value.items():
        place = f"{name}.{str(part)[:50]}"
        match part:
            case "has_attachment":
                found[part] = _flag(place, wanted)
            case "header":
                found[part] = _wanted_headers(place, wanted)
            case _ if part in filters.PARTS:
                found[part] = list(_values(place, wanted))
            case _:
                raise _invalid(place)
    return found


def _wanted_headers(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _MAX_HEADERS:
        raise _invalid(name)
    for header in value:
        if not _HEADER_NAME.match(str(header)):
            raise _invalid(name)
    return {header: _text(500, name, wanted) for header, wanted in value.items()}


def _headers(name: str, value: Any) -> dict[str, str]:
    """Headers of our own making stay ours; a line end would begin another one."""
    if not isinstance(value, dict) or len(value) > _MAX_HEADERS:
        raise _invalid(name)
    for header, text in value.items():
        lower = str(header).lower()
        place = f"{name}.{str(header)[:50]}"
        if not _HEADER_NAME.match(str(header)) or not isinstance(text, str):
            raise _invalid(place)
        if lower in _OUR_HEADERS or lower.startswith("webhook-") or not _HEADER_VALUE.match(text):
            raise _invalid(place)
    return dict(value)


FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "url": lambda name, value: _text(2000, name, value),
    "description": lambda name, value: _text(500, name, value),
    "event_types": _types,
    "filter": _filter,
    "headers": _headers,
    "all_accounts": _flag,
    "enabled": _flag,
}


def _invalid(name: str) -> Rejected:
    return Rejected("field_invalid", name)


def view(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    """An endpoint as JSON; secrets are not in it, and of headers only the names."""
    circuit = endpoint.circuit
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.types),
        "filter": dict(endpoint.filter),
        "headers": sorted(endpoint.headers),
        "all_accounts": endpoint.common,
        "owned_by_settings": endpoint.is_of_settings,
        "enabled": not endpoint.disabled,
        "disabled": _why(endpoint) if endpoint.disabled else None,
        "failing_since": circuit.failing_since or None,
        "next_probe_at": circuit.probe_at or None,
        "secrets": len(endpoint.signing(now)),
        "created_at": endpoint.created_at or None,
    }


def _why(endpoint: Endpoint) -> Mapping[str, str]:
    code = endpoint.disabled
    return {"code": code, "since": endpoint.disabled_at, "message": ENTRIES[code].operator}


def paused(fields: dict[str, Any], before: Endpoint, now: datetime) -> dict[str, Any]:
    """Turns `enabled` into the columns that stand for it; saying what is so changes nothing."""
    wanted = fields.pop("enabled", None)
    if wanted is None or wanted != bool(before.disabled):
        return fields
    at = instants.text(now)
    if wanted:
        return fields | {"disabled": "", "enabled_at": at, "leased_until": ""}
    return fields | {"disabled": "endpoint_paused", "disabled_at": at}
