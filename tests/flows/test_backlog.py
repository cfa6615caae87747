"""The short form of a large backlog with kills; `make soak` has 50,000 mails."""

import random
import secrets

from tests.conftest import StartLab
from tests.lab.backlog import work_through


def test_f22_a_backlog_is_worked_through_whatever_is_killed(start_lab: StartLab) -> None:
    seed = secrets.randbelow(1_000_000)
    lab = start_lab(beat_seconds=0.5)
    report = work_through(lab, "short-backlog", 150, 1, 2, random.Random(seed), seconds=60)
    print(f"seed {seed}: {report}")
    assert (report.told.missing, report.told.renamed, report.kills) == (0, 0, 1)
    assert report.late and report.peak_mb - report.idle_mb <= 128
