"""Holds infra/ against checkov's policies: `.venv-checkov/bin/python -m tests.policies`.

checkov passes over a file that it can't parse, and an exception stays when nothing needs it any
more. Both count as failures here. An exception is a comment in the resource, with its reason:
`// checkov:skip=ID: why`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parents[1] / "infra"
_SKIP = re.compile(r"checkov:skip=(\w+)(: \S.*)?")


def main() -> int:
    """0 and a line of counts, or 1 and each thing that is wrong."""
    wrong, counts = _checked(Path(sys.argv[1]) if sys.argv[1:] else INFRA)
    print("\n".join(wrong) or f"policies: {counts}")
    return 1 if wrong else 0


def _checked(folder: Path) -> tuple[list[str], str]:
    command: list[str | Path] = [Path(sys.executable).with_name("checkov"), "--directory", folder]
    command += ["--framework", "bicep", "--skip-download", "--output", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(ran.stdout)
        results = report["results"]
    except (ValueError, KeyError, TypeError):
        sys.exit(f"checkov did not check: {ran.stdout[-500:]} {ran.stderr[-500:]}")
    wrong = [_told(check) for check in results["failed_checks"]]
    wrong += [f"{path}: checkov can't parse it" for path in results["parsing_errors"]]
    wrong += _stale(folder, results["skipped_checks"])
    wrong += _unseen(folder, report["summary"]["resource_count"])
    summary = report["summary"]
    return wrong, f"{summary['passed']} passed, {summary['skipped']} excepted with a reason"


def _told(check: dict[str, Any]) -> str:
    line = check["file_line_range"][0]
    return f"{check['file_path']}:{line}: {check['check_id']} {check['check_name']}"


def _stale(folder: Path, skipped: list[dict[str, Any]]) -> list[str]:
    """Exceptions without a reason, and those that nothing asked for."""
    used = {(check["file_path"].lstrip("/"), check["check_id"]) for check in skipped}
    wrong = []
    for path in sorted(folder.rglob("*.bicep")):
        name = path.relative_to(folder).as_posix()
        for check, reason in _SKIP.findall(path.read_text()):
            if not reason:
                wrong.append(f"{name}: the exception from {check} has no reason")
            if (name, check) not in used:
                wrong.append(f"{name}: nothing needs the exception from {check}")
    return wrong


def _unseen(folder: Path, count: int) -> list[str]:
    there = sum(
        len(re.findall(r"^resource ", path.read_text(), re.MULTILINE))
        for path in folder.rglob("*.bicep")
    )
    return [f"checkov saw {count} of {there} resources"] if count < there else []


if __name__ == "__main__":
    sys.exit(main())
