"""Health: whether the app can do its work, in terms that say what to fix."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from shared import health, settings
from shared.errors import SettingsError
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.stepped_app import SteppedApp

_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_an_app_whose_timer_has_not_run_yet_is_well(app: SteppedApp) -> None:
    assert app.parts.health.report(_NOW) == {
        "status": "ok",
        "last_tick": None,
        "queue_messages": {"poisoned": 0, "dropped": 0},
    }


@pytest.mark.parametrize(("minutes", "status"), [(0, "ok"), (10, "ok"), (11, "degraded")])
def test_a_timer_that_does_not_run_is_named(app: SteppedApp, minutes: int, status: str) -> None:
    app.parts.once.beat(_NOW - timedelta(minutes=minutes))
    report = app.parts.health.report(_NOW)
    assert report["status"] == status
    assert [one["code"] for one in report.get("problems", [])] == ["timer_late"] * (minutes > 10)


def test_t32_queue_messages_that_were_lost_are_counted(app: SteppedApp) -> None:
    app.parts.once.count("poisoned")
    app.parts.tend.receive(b"junk")
    report = app.parts.health.report(_NOW)
    assert report["queue_messages"] == {"poisoned": 1, "dropped": 1}


def test_f40_storage_that_does_not_answer_is_named(start_app: StartApp, lossy: TableProxy) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    lossy.refuse(1, status=403)
    report = app.parts.health.report(_NOW)
    assert report["status"] == "degraded"
    assert [one["code"] for one in report["problems"]] == ["storage_unavailable"]


@pytest.mark.parametrize(
    ("expires_on", "code"),
    [
        ("2026-03-03", ""),
        ("2026-03-02", "credentials_expire_soon"),
        ("2026-02-01", "credentials_expire_soon"),
        ("2026-01-31", "credentials_expired"),
        ("2025-12-31", "credentials_expired"),
    ],
)
def test_f5_a_client_secret_that_ends_is_an_alarm_in_health_and_log(
    start_app: StartApp, caplog: pytest.LogCaptureFixture, expires_on: str, code: str
) -> None:
    app = start_app(CLIENT_SECRET_EXPIRES_ON=expires_on)
    report = app.parts.health.report(_NOW)
    assert [one["code"] for one in report.get("problems", [])] == [code] * bool(code)
    for hours in (0, 1, 11, 12):  # once a day
        app.tick(_NOW + timedelta(hours=hours))
    alarms = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    if code:
        assert len(alarms) == 2
    assert all(alarm.startswith("ALARM: credentials_expire") for alarm in alarms)


def test_f53_bad_settings_are_all_named_without_their_values() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read({"CLIENT_SECRET": "canary\x00", "SHARDS": "canary"})
    report = health.of_settings(caught.value)
    assert report["status"] == "degraded"
    named = {one["setting"] for one in report["problems"]}
    assert named >= {"CLIENT_ID", "CLIENT_SECRET", "SHARDS", "WEBHOOK_URL"}
    assert "canary" not in str(report)
