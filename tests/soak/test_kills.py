"""The long form of the kills."""

import secrets

from tests.conftest import StartLab
from tests.lab.kills import kill_while_mail_arrives


def test_f47_two_hundred_mails_and_ten_kills(start_lab: StartLab, address: str) -> None:
    seed = secrets.randbelow(1_000_000)
    lab = start_lab(beat_seconds=0.5)
    report = kill_while_mail_arrives(lab, address, mails=200, kills=10, seed=seed)
    print(f"\nseed {seed}: {report}")
    assert (report.told.missing, report.told.renamed) == (0, 0)
