"""The long form of the moves."""

import os
from pathlib import Path

from tests.lab.reshards import Reshards
from tests.lab.services import Services


def test_i4_f47_forty_eight_kills_at_each_write_of_a_move(
    services: Services, tmp_path: Path
) -> None:
    """RESHARD_KILLS=N for fewer or more."""
    stand = Reshards(services, tmp_path / "moved", accounts=8)
    try:
        report = stand.run(kills=int(os.environ.get("RESHARD_KILLS", "48")))
    finally:
        stand.close()
    print(f"\n{report}")
    assert not report.wrong
