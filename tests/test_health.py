"""Health: whether the app can do its work, in terms that say what to fix."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import health, instants, settings
from shared.account_rows import Account
from shared.errors import SettingsError
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.http_proxy import TableProxy
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.log_lines import lines

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.at = _NOW
    return clock


@pytest.fixture
def stood(start_app: StartApp, clock: Clock) -> SteppedApp:
    """An app whose clock stands."""
    return start_app(clock=clock)


def details(app: SteppedApp) -> dict[str, Any]:
    return app.parts.health_details.report(app.parts.now())


def codes(app: SteppedApp) -> list[str]:
    return [one["code"] for one in details(app).get("problems", [])]


# The timer


def test_a_timer_that_stops_is_found_within_four_minutes(stood: SteppedApp, clock: Clock) -> None:
    stood.tick()
    for _ in range(2):
        clock.later(60)
        assert (stood.health(), codes(stood)) == ("ok", [])
    clock.later(60)
    assert (stood.health(), codes(stood)) == ("degraded", ["timer_late"])
    stood.tick()
    assert (stood.health(), codes(stood)) == ("ok", [])


def test_a_timer_that_never_ran_is_late_as_well(stood: SteppedApp, clock: Clock) -> None:
    assert stood.parts.health.report(clock()) == {"status": "ok"}
    clock.later(180)
    assert stood.parts.health.report(clock()) == {"status": "degraded"}
    assert details(stood)["timer"]["last_tick"] is None


# What anybody may ask costs next to nothing


def test_one_row_is_read_and_not_again_for_half_a_minute(
    start_app: StartApp, lossy: TableProxy, clock: Clock
) -> None:
    app = start_app(STORAGE=lossy.connection_string, clock=clock)
    app.tick()
    lossy.requests.clear()
    for seconds, requests in ((0, 1), (29, 1), (1, 2), (-3600, 3)):
        clock.later(seconds)
        app.parts.health.report(clock())
        assert len(lossy.requests) == requests


def test_f40_storage_that_does_not_let_us_in_is_named(
    start_app: StartApp, lossy: TableProxy, clock: Clock
) -> None:
    app = start_app(STORAGE=lossy.connection_string, clock=clock)
    lossy.refuse(2, status=403)
    assert app.health() == "degraded"
    report = details(app)
    assert (report["storage"], report["settings"]) == ("storage_denied", "ok")
    assert [one["code"] for one in report["problems"]] == ["storage_denied"]


# The details


def test_an_app_without_trouble_says_how_each_part_is(stood: SteppedApp, clock: Clock) -> None:
    stood.tick()
    assert details(stood) == {
        "status": "ok",
        "settings": "ok",
        "storage": "ok",
        "storage_access": "connection_string",
        "identity_platform": "ok",
        "client_credential": {"kind": "secret", "expires_on": None, "days_left": None},
        "timer": {
            "last_tick": instants.text(clock()),
            "due": 0,
            "oldest_due_at": None,
            "oldest_due_account": None,
        },
        "stale": {"count": 0, "accounts": []},
        "outbox": {"owed": 0, "oldest_owed_at": None, "dead": 0},
        "queue_messages": {"poisoned": 0, "dropped": 0},
    }


def test_what_is_owed_and_dead_is_counted_over_all_accounts(stood: SteppedApp) -> None:
    accounts = stood.parts.accounts
    for name, owed, since, dead in (("a", 2, "2026-01-31T11:00:00Z", 0), ("b", 0, "", 1)):
        accounts.insert(Account(name, "00", owed=owed, owed_since=since, dead=dead))
    assert details(stood)["outbox"] == {
        "owed": 2,
        "oldest_owed_at": "2026-01-31T11:00:00Z",
        "dead": 1,
    }


def test_an_identity_platform_that_does_not_answer_is_named(
    stood: SteppedApp, services: Services
) -> None:
    services.microsoft.next_answers("discovery", {"kind": "status", "status": 503})
    report = details(stood)
    assert report["identity_platform"] == "microsoft_unavailable"
    assert [one["code"] for one in report["problems"]] == ["microsoft_unavailable"]


def test_t32_queue_messages_that_were_lost_are_counted(stood: SteppedApp) -> None:
    stood.parts.once.count("poisoned")
    stood.parts.tend.receive(b"junk")
    assert details(stood)["queue_messages"] == {"poisoned": 1, "dropped": 1}


# Our own secret


@pytest.mark.parametrize(
    ("expires_on", "days_left", "code"),
    [
        ("2026-03-03", 30, ""),
        ("2026-03-02", 29, "credentials_expire_soon"),
        ("2026-02-01", 0, "credentials_expire_soon"),
        ("2026-01-31", -1, "credentials_expired"),
        ("2025-12-31", -32, "credentials_expired"),
    ],
)
def test_f5_a_client_secret_that_ends_is_an_alarm_in_health_and_log(
    start_app: StartApp,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    expires_on: str,
    days_left: int,
    code: str,
) -> None:
    app = start_app(CLIENT_SECRET_EXPIRES_ON=expires_on, clock=clock)
    assert codes(app) == [code] * bool(code)
    assert app.health() == ("degraded" if code else "ok")
    said = {"kind": "secret", "expires_on": expires_on, "days_left": days_left}
    assert details(app)["client_credential"] == said
    for hours in (0, 1, 11, 12):  # once a day
        app.tick(_NOW + timedelta(hours=hours))
    alarms = [one for one in lines(caplog) if one["event"] == "alarm"]
    if code:
        assert len(alarms) == 2
    assert all(one["code"].startswith("credentials_expire") for one in alarms)


def test_f53_bad_settings_are_all_named_without_their_values() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read({"CLIENT_SECRET": "canary\x00", "SHARDS": "canary"})
    report = health.of_settings(caught.value)
    assert report["status"] == "degraded"
    named = {one["setting"] for one in report["problems"]}
    assert named >= {"CLIENT_ID", "CLIENT_SECRET", "SHARDS", "WEBHOOK_URL"}
    assert "canary" not in str(report)
