"""I1 and I2 with the host killed at chosen writes and webhooks; `make soak` has them all."""

from pathlib import Path

from tests.lab.kill_points import KillRange, Point
from tests.lab.services import Services


def test_f47_a_kill_at_any_write_or_webhook_loses_nothing(
    services: Services, tmp_path: Path
) -> None:
    stand = KillRange(services, tmp_path / "kill-points", accounts=2, slow_seconds=0.05)
    try:
        points = [Point("request", 3), Point("answer", 5)]
        report = stand.run(points, mails=6)
    finally:
        stand.close()
    assert not report.wrong, str(report)
