"""The long form of the refreshes."""

import secrets
from pathlib import Path

from tests.lab.refreshes import Refreshes
from tests.lab.services import Services


def test_f7_two_hundred_forced_refreshes_over_four_processes(
    services: Services, tmp_path: Path
) -> None:
    seed = secrets.randbelow(1_000_000)
    stand = Refreshes(services, tmp_path / "refreshes", accounts=8, seed=seed)
    try:
        report = stand.run(200)
    finally:
        stand.close()
    print(f"\nseed {seed}: {report}")
    assert not report.wrong
    assert report.lost == report.reconnected
