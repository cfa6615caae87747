"""What bytecode in the package saves a cold start: `make bench`, or python -m benchmarks.package.

The same package twice, as make package builds it and with its bytecode taken out, unpacked where
nothing can be written, as Azure mounts it. Imports are timed in new interpreters.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.package import __main__ as package
from tests.lab.packaged import app_folder, libraries_first
from tests.lab.processes import plain_environment

_NOTHING = "pass"
_INDEXED = "import function_app"
_ALL = (
    "import function_app; import shared.connector, shared.tend, shared.tables, shared.vault, "
    "shared.microsoft, shared.imap, shared.webhooks, shared.mail, msal, imapclient"
)


def main() -> None:
    options = _options()
    with TemporaryDirectory() as folder:
        zip_file = Path(folder) / "unseen.zip"
        if package.main(["--out", str(zip_file)]):
            sys.exit(1)
        print("\nCPU and wall milliseconds of imports, without the interpreter's own start")
        for name in ("with bytecode", "without"):
            app = app_folder(zip_file, Path(folder) / name)
            if name == "without":
                for file in app.rglob("*.pyc"):
                    file.unlink()
            bare = _milliseconds(app, _NOTHING, options.rounds)
            for what, code in (("what is indexed", _INDEXED), ("all that tends", _ALL)):
                cpu, wall = _milliseconds(app, code, options.rounds)
                print(
                    f"  {name:<14} {what:<16} {cpu - bare[0]:5.0f} CPU {wall - bare[1]:5.0f} wall"
                )


def _milliseconds(app: Path, code: str, rounds: int) -> tuple[float, float]:
    """Medians of CPU and wall time."""
    timed = (
        "import sys, time; began = time.perf_counter(); sys.path.insert(0, ''); "
        f"{code}; print(time.process_time(), time.perf_counter() - began)"
    )
    # As on a mount where it may not: nothing is written.
    own = {"PYTHONDONTWRITEBYTECODE": "1"} | libraries_first(app)
    found = []
    for _ in range(rounds + 1):
        ran = subprocess.run(
            [sys.executable, "-c", timed],
            cwd=app,
            env=plain_environment() | own,
            capture_output=True,
            check=True,
            text=True,
        )
        found.append([float(one) * 1000 for one in ran.stdout.split()])
    cpu, wall = zip(*found[1:], strict=True)  # after the first one, files are in memory
    return statistics.median(cpu), statistics.median(wall)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.package", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="starts of each (default: 9)")
    parser.add_argument("--quick", action="store_true", help="three starts of each")
    options = parser.parse_args()
    options.rounds = 3 if options.quick else options.rounds
    return options


if __name__ == "__main__":
    main()
