"""I4 with four processes that renew the same tokens, and kills; `make soak` has the long form."""

from pathlib import Path

from tests.lab.refreshes import Refreshes
from tests.lab.services import Services


def test_f6_f7_no_refresh_token_is_lost_but_between_answer_and_save(
    services: Services, tmp_path: Path
) -> None:
    stand = Refreshes(services, tmp_path / "few-refreshes", accounts=5, seed=7)
    try:
        report = stand.run(20)
    finally:
        stand.close()
    assert not report.wrong, str(report)
    assert report.lost == report.reconnected, str(report)
