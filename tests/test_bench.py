"""The benchmark in its shortest form: it runs, and has its figures. How good they are, it says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measures import bills, document, report, targets

ROOT = Path(__file__).parents[1]
CLIENTS = ("unseen", "article")

type Run = dict[str, Any]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The figures of a quick run, as it wrote them."""
    folder = tmp_path_factory.mktemp("bench")
    options = ["--quick", "--clients", *CLIENTS, "--rtt", "0", "--out", str(folder)]
    command = [sys.executable, "-m", "benchmarks.engine", *options]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert (folder / "performance.svg").read_text().startswith("<svg")
    found: Run = json.loads((folder / "performance.json").read_text())
    return found


def test_our_idle_check_takes_five_round_trips_on_the_wire(run: Run) -> None:
    assert run["round_trips"]["unseen"] == 5
    assert run["round_trips"]["article"] > 5


def test_nothing_failed_and_everything_was_measured(run: Run) -> None:
    assert [row["client"] for row in run["checks"]] == list(CLIENTS)
    assert not any(row["failed"] for row in run["checks"])
    assert all(row["cpu_ms"] > 0 and row["peak_mb"] > 0 for row in run["checks"])
    read = {(row["client"], row["done"]) for row in run["backlogs"]}
    assert read == {(name, run["mails"]) for name in (*CLIENTS, "unseen_record")}
    assert {row["how"]: row["accounts"] for row in run["tends"]} == {"batch": 5, "one by one": 1}
    assert all(value > 0 for value in run["cold_start"].values())
    sizes = {(row["gb"], row["mailboxes"], row["threads"]) for row in run["batches"]}
    assert run["no_quota"] or sizes == {(0.5, 5, 5), (2.0, 5, 5)}
    assert all(0 < row["execution_seconds"] <= row["slowest_seconds"] for row in run["batches"])


def test_what_was_measured_gets_a_verdict_and_what_was_not_gets_none(run: Run) -> None:
    words = {one.what: one.word for one in targets.verdicts(run)}
    assert words["idle check: round trips"] == "met"
    assert words["idle check: CPU, of imapclient's"] == "not measured"
    assert words["whole tend: CPU a mailbox"] in {"met", "**missed**"}
    slow = run | {"round_trips": {"unseen": 6}}
    assert targets.verdicts(slow)[0].word == "**missed**"


def test_a_short_execution_is_billed_as_a_second_and_one_of_many_at_once_only_in_part() -> None:
    tends = [
        {"how": how, "rtt_ms": 0, "cpu_seconds": cpu, "enqueue_seconds": 0.01, "tend_seconds": 0.5}
        for how, cpu in (("batch", 0.2), ("one by one", 0.01))
    ]
    found = {(one["way"], one["gb"]): one for one in bills.bills(tends)}
    minutes = 30 * 24 * 60
    batch = found["batches of 100", 0.5]
    assert (batch["executions"], batch["gb_seconds"]) == (11 * minutes, 11 * 0.5 * minutes)
    assert found["one by one", 2.0]["gb_seconds"] == (1000 + 10) * 2 * minutes
    assert found["one by one, 16 at once", 2.0]["gb_seconds"] == (1000 / 16 + 10) * 2 * minutes


def test_cpu_takes_longer_on_a_part_of_a_core() -> None:
    slow = {"rtt_ms": 0, "cpu_seconds": 1.0, "enqueue_seconds": 0.1, "tend_seconds": 1.5}
    found = bills.bills([slow | {"how": how} for how in ("batch", "one by one")])
    assert {(one["gb"], one["seconds"]) for one in found[:2]} == {(0.5, 4), (2.0, 1.5)}


def test_the_page_shows_the_run_that_lies_beside_it() -> None:
    assert document.is_current()


def test_a_run_of_one_section_has_a_report_of_it(run: Run) -> None:
    only = run | {"tends": [], "backlogs": [], "cold_start": {}}
    told = report.markdown(only)
    assert "### Idle check" in told and "### Backlog" not in told
