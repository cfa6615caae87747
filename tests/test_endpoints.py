"""Endpoints: the settings' own, and those of the table."""

import json
from dataclasses import replace

import pytest

from shared import ids
from shared.connector import Connector
from shared.endpoints import Endpoint, Endpoints, Secret
from shared.errors import Rejected
from shared.filters import Subject
from tests.lab.stepped_app import SteppedApp

_MAIL = Subject("mail.received", folder="INBOX")


def made(parts: Connector, **fields: object) -> Endpoint:
    """A new endpoint that is stored."""
    new = Endpoint(ids.endpoint_id(), "https://app.example.com/?key=s3cret", (Secret(b"s3cret"),))
    new = replace(new, **fields)  # type: ignore[arg-type]
    parts.endpoints.insert(new)
    return new


def test_the_settings_endpoint_has_a_fixed_id(app: SteppedApp) -> None:
    chosen = app.parts.settings
    endpoint = app.parts.endpoints.get("ep_settings")
    own = (Secret(chosen.webhook_secret),)
    assert endpoint == Endpoint("ep_settings", chosen.webhook_url, own)


def test_an_endpoint_that_is_not_there_is_not_found(app: SteppedApp) -> None:
    assert app.parts.endpoints.get("ep_other") is None
    with pytest.raises(Rejected, match="endpoint_unknown"):
        app.parts.endpoints.change("ep_other", lambda row: row)


def test_what_is_stored_is_read_again(app: SteppedApp) -> None:
    new = made(app.parts, types=("mail.received",), filter={"from": ["@a.example"]}, common=False)
    app.restart()
    found = app.parts.endpoints.all()[new.id]
    assert replace(found, etag="") == new


def test_t11_a_dump_tells_neither_url_nor_secret_nor_filter(app: SteppedApp) -> None:
    made(app.parts, filter={"from": ["canary@a.example"]}, headers={"Authorization": "canary"})
    rows = json.dumps(app.rows("endpoints"))
    assert "s3cret" not in rows and "canary" not in rows and "app.example.com" not in rows


def test_the_settings_endpoint_keeps_its_standing_only(app: SteppedApp) -> None:
    endpoints = app.parts.endpoints
    endpoints.change("ep_settings", lambda row: replace(row, disabled="endpoint_paused"))
    app.restart()
    found = app.parts.endpoints.all()["ep_settings"]
    assert (found.disabled, found.url) == ("endpoint_paused", app.parts.settings.webhook_url)


def test_a_change_is_made_of_what_is_stored_now(app: SteppedApp) -> None:
    new = made(app.parts)
    other = Endpoints(app.parts.tables, app.parts.vault, app.parts.settings)
    other.all()
    app.parts.endpoints.change(new.id, lambda row: replace(row, description="first"))
    changed = other.change(new.id, lambda row: replace(row, types=("mail.received",)))
    assert (changed.description, changed.types) == ("first", ("mail.received",))


def test_common_endpoints_get_everybodys_events_and_others_only_their_own(
    app: SteppedApp,
) -> None:
    mine = made(app.parts, common=False)
    endpoints = app.parts.endpoints

    def takers(only: list[str], common: bool) -> set[str]:
        return {one.id for one in endpoints.takers(only, common, _MAIL)}

    assert takers([], True) == {"ep_settings"}
    assert takers([mine.id], True) == {"ep_settings", mine.id}
    assert takers([mine.id], False) == {mine.id}


def test_i6_neither_url_nor_secret_is_in_the_repr() -> None:
    own = (Secret(b"s3cret"),)
    shown = repr(Endpoint("ep_settings", "https://app.example.com/?key=s3cret", own))
    assert "s3cret" not in shown
