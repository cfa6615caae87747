"""Runs schemathesis against a lab: what it may ask, what is checked, and what came of it.

https://schemathesis.readthedocs.io/en/stable/reference/cli/
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz import there
from tests.lab.lab import Lab
from tests.lab.processes import ROOT

ACCESS_TOKEN_KEY = "only-for-the-fuzz"
_NOT_CHECKED = (
    "unsupported_method",  # the platform's: Functions answers 404
    "positive_data_acceptance",  # a valid `from` that is no alias is refused
)


@dataclass(frozen=True)
class Outcome:
    """accepted: by operation, how many valid requests were answered with a 2xx or 3xx."""

    cases: int
    operations: int
    problems: int
    accepted: Mapping[str, int]
    text: str

    def __str__(self) -> str:
        return f"schemathesis: {self.cases} cases at {self.operations} operations"


def fuzz(lab: Lab, address: str, folder: Path, *options: str) -> Outcome:
    """Asks the lab's host; its settings need `ACCESS_TOKEN_KEY`. options: of schemathesis."""
    report = folder / "schemathesis.json"
    environment = {
        "FUZZ_THERE": json.dumps(asdict(there.make(lab, address))),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": str(ROOT),
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"{lab.host.base_url}/api/openapi.json",
        *("-H", f"x-functions-key:{lab.host.function_key}"),
        *("-H", f"x-access-token-key:{ACCESS_TOKEN_KEY}"),
        *("--exclude-checks", ",".join(_NOT_CHECKED), "--warnings", "off", "--max-redirects", "0"),
        *("--no-color", "--no-shrink", "--continue-on-failure"),
        *("--request-timeout", "60", "--suppress-health-check", "all"),  # a busy machine is slow
        *("--report-json-path", str(report), *options),
    ]
    done = subprocess.run(
        command,
        cwd=folder,  # it keeps what it found there, for the next run
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout
    return _outcome(json.loads(report.read_text()), done.stdout)


def _outcome(report: Mapping[str, Any], text: str) -> Outcome:
    return Outcome(
        cases=report["test_cases"]["generated"],
        operations=report["operations"]["tested"],
        problems=len(report["failures"]) + len(report["errors"]),
        accepted={
            name: sum(phase["accepted"] for phase in phases.values())
            for name, phases in report["valid_rates"].items()
        },
        text=text,
    )
