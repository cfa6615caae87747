"""Writes the tables of docs/scale.md from what was measured and what things cost; or measures."""

import argparse
import json
import sys

from benchmarks.measures.checks import Figures
from benchmarks.scale import measuring, page
from tests.lab.errors import LabError
from tests.lab.far_link import hindrance
from tests.lab.standing import ending_by_signal


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--measure",
        nargs="*",
        choices=measuring.PARTS,
        metavar="PART",
        help="first the runs of docs/scale.json: as root, on a machine at rest. `batch`: one "
        "batch and what comes on top of idle checks, 5 minutes; `crowd`: 1,000 mailboxes, 25 "
        "minutes; or both",
    )
    parts = parser.parse_args().measure
    if parts is not None:
        before: Figures = json.loads(page.FIGURES.read_text()) if page.FIGURES.exists() else {}
        figures = before | _measured(parts or measuring.PARTS)
        page.FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    page.write()
    print(f"Written: {page.PAGE}")


def _measured(parts: list[str] | tuple[str, ...]) -> Figures:
    if hindrance():
        sys.exit(f"This can't be measured here: {hindrance()}.")
    try:
        with ending_by_signal():  # or services would outlive this
            return measuring.measure(measuring.Size(), parts)
    except (LabError, KeyboardInterrupt) as error:
        sys.exit(f"\n{str(error) or 'Ended.'}")


if __name__ == "__main__":
    main()
