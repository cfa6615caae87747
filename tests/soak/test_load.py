"""What a dead and a slow endpoint cost the healthy one."""

from tests.conftest import StartLab
from tests.lab.load import measure


def test_i5_a_thousand_mails_beside_a_dead_and_a_slow_endpoint(start_lab: StartLab) -> None:
    # Nothing is killed here: a claim need not end soon, and a busy machine must not end it.
    lab = start_lab(beat_seconds=1, settings={"CLAIM_SECONDS": "60"})
    load = measure(lab, "load", accounts=20, mails=1000, slow_seconds=10)
    print(f"\n{load}")
    assert load.ratio <= 1.5
