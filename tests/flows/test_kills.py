"""I1 and I2 under SIGKILL, in short; `make soak` has the long form."""

from tests.conftest import StartLab
from tests.lab.kills import kill_while_mail_arrives


def test_f47_every_mail_arrives_though_the_host_is_killed(
    start_lab: StartLab, address: str
) -> None:
    report = kill_while_mail_arrives(
        start_lab(beat_seconds=0.5), address, mails=40, kills=3, seed=1
    )
    assert (report.told.missing, report.told.renamed) == (0, 0), str(report)
