"""The endpoint of the settings."""

from shared.connector import Connector
from shared.endpoints import Endpoint, Endpoints
from shared.outbox_rows import Delivery


def test_the_settings_endpoint_has_a_fixed_id(parts: Connector) -> None:
    chosen = parts.settings
    endpoint = Endpoints(chosen).get("ep_settings")
    assert endpoint == Endpoint("ep_settings", chosen.webhook_url, (chosen.webhook_secret,))


def test_an_endpoint_that_is_not_there_is_not_found(parts: Connector) -> None:
    assert Endpoints(parts.settings).get("ep_other") is None


def test_a_new_event_is_due_at_every_endpoint_at_once(parts: Connector) -> None:
    owed = Endpoints(parts.settings).owed("2026-01-31T12:00:00Z")
    assert owed == {"ep_settings": Delivery("owed", 0, "2026-01-31T12:00:00Z", 0)}


def test_i6_neither_url_nor_secret_is_in_the_repr() -> None:
    shown = repr(Endpoint("ep_settings", "https://app.example.com/?key=s3cret", (b"s3cret",)))
    assert "s3cret" not in shown
