"""I5 at the endpoints; `make soak` has it with a thousand mails, and measures it."""

from tests.conftest import StartLab
from tests.lab.load import measure


def test_i5_the_healthy_endpoint_waits_for_no_slow_and_no_dead_one(start_lab: StartLab) -> None:
    load = measure(start_lab(beat_seconds=0.5), "few", accounts=3, mails=30, slow_seconds=3)
    assert load.slow < load.mails
