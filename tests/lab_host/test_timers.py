"""Timers: by schedule, by beat, by the admin API."""

import time

from tests.lab.waiting import wait_until

from .conftest import StartHost
from .running_host import RunningHost


def test_a_timer_fires_by_the_admin_api(host: RunningHost) -> None:
    before = len(host.records("tick"))
    assert host.fire("tick").status_code == 202
    assert host.wait_for("tick", before + 1)[-1]["past_due"] is False


def test_an_unknown_function_cannot_be_fired(host: RunningHost) -> None:
    assert host.fire("nobody").status_code == 404
    assert host.fire("echo").status_code == 400


def test_a_timer_whose_setting_is_unset_is_left_out_and_said_so(host: RunningHost) -> None:
    assert host.fire("unset").status_code == 404
    assert "unset is left out: the app setting UNSET_SCHEDULE is not set" in host.log()


def test_a_timer_fires_on_its_schedule(host: RunningHost) -> None:
    assert host.wait_for("each_second", 2)


def test_no_timer_fires_by_itself_when_told_so(start_host: StartHost) -> None:
    host = start_host("--no-timers", "--beat", "0.05")
    started = time.monotonic()
    wait_until(lambda: time.monotonic() > started + 0.5)
    host.fire("tick")
    host.wait_for("tick")
    assert host.records("each_second") == []
    assert len(host.records("tick")) == 1


def test_a_beat_fires_more_often_than_the_schedule(start_host: StartHost) -> None:
    host = start_host("--beat", "0.1")
    assert host.wait_for("tick", 3)


def test_a_timer_never_runs_twice_at_once(start_host: StartHost) -> None:
    host = start_host()
    for _ in range(3):
        host.fire("slow_tick")
    host.wait_for("slow_tick")
    host.release()
    runs = [entry["slow_tick"] for entry in host.wait_for("slow_tick", 6)]
    assert runs == ["start", "end"] * 3


def test_what_a_timer_returns_goes_to_its_queue(host: RunningHost) -> None:
    host.fire("enqueue")
    assert host.wait_for("end", of=["from the timer"])
