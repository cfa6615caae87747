"""The fuzz at length: more of everything, and new inputs in each run."""

from pathlib import Path

from tests.conftest import StartLab
from tests.fuzz.fuzz import ACCESS_TOKEN_KEY, fuzz


def test_no_answer_is_outside_of_the_description(
    start_lab: StartLab, address: str, tmp_path: Path
) -> None:
    lab = start_lab(settings={"ACCESS_TOKEN_KEY": ACCESS_TOKEN_KEY})
    outcome = fuzz(lab, address, tmp_path, "--max-examples", "100")
    print(f"\n{outcome}")
    assert not outcome.problems, outcome.text
