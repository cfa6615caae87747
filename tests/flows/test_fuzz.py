"""The running app, asked by schemathesis for whatever its description allows, and what it doesn't.

No answer is a 5xx or outside of the description; what the description does not allow is refused.
"""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import TOLD, StartLab
from tests.fuzz.fuzz import ACCESS_TOKEN_KEY, fuzz

# They want a browser's cookie, a sign-in at Microsoft, or what such a sign-in gave once.
_NEVER_ACCEPTED = {
    *("GET /callback", "GET /connected", "POST /connected", "POST /login"),
    "POST /invitations/results",
}
# Most operations have to meet what is there; on a busy machine one may come too late each time.
_MISSED = 2


def test_no_answer_is_outside_of_the_description(
    start_lab: StartLab,
    address: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    lab = start_lab(settings={"ACCESS_TOKEN_KEY": ACCESS_TOKEN_KEY})
    options = ("--generation-deterministic", "--max-examples", "5")
    outcome = fuzz(lab, address, tmp_path, "--phases", "examples,coverage,fuzzing", *options)
    record_property(TOLD, str(outcome))
    assert not outcome.problems, outcome.text
    never = {name for name, count in outcome.accepted.items() if not count} - _NEVER_ACCEPTED
    assert len(never) <= _MISSED, never
