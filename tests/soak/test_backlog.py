"""A backlog of 50,000 unseen mails, with kills; BACKLOG_MAILS=N takes another number."""

import os
import random
import secrets

from tests.conftest import StartLab
from tests.lab.backlog import work_through


def test_f22_fifty_thousand_unseen_mails_and_ten_kills(start_lab: StartLab) -> None:
    mails = int(os.environ.get("BACKLOG_MAILS", "50000"))
    seed = secrets.randbelow(1_000_000)
    # A busy machine must not end a claim; after a kill, the wait for its end is part of the time.
    lab = start_lab(beat_seconds=1, settings={"BACKLOG_LIMIT": str(mails), "CLAIM_SECONDS": "10"})
    report = work_through(lab, "backlog", mails, 10, 9, random.Random(seed), seconds=3600)
    print(f"\nseed {seed}: {report}")
    assert (report.told.missing, report.told.renamed, report.kills) == (0, 0, 10)
    assert report.peak_mb - report.idle_mb <= 128
    assert max(report.late) < 70
