"""Accounts moved to other shards under SIGKILL, in short; `make soak` has the long form."""

from pathlib import Path

from tests.lab.reshards import Reshards
from tests.lab.services import Services


def test_i4_f47_nothing_is_lost_where_accounts_are_moved_and_the_host_is_killed(
    services: Services, tmp_path: Path
) -> None:
    stand = Reshards(services, tmp_path / "few-moved", accounts=3)
    try:
        report = stand.run(kills=4)
    finally:
        stand.close()
    assert not report.wrong, str(report)
    assert report.refreshes and report.moves and report.read
