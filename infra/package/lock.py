"""Writes requirements.lock: all that requirements.txt needs, each version with its wheel's hash."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .errors import PackageError
from .wheels import PYTHON, TARGET, canonical

_HEAD = f"""\
# All that requirements.txt needs, with the wheels for Linux x86_64 and Python {PYTHON}.
# Made by make lock; what is tested and what make package deploys are these versions.
"""


def write(root: Path) -> Path:
    """Asks pip for the newest that fit; raises PackageError."""
    here = ".".join(map(str, sys.version_info[:2]))
    if sys.platform != "linux" or here != PYTHON:
        # What is needed where is found out for the Python that runs pip.
        raise PackageError(f"The lock is made on Linux with Python {PYTHON}, as in .devcontainer")
    with TemporaryDirectory() as target:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
                *("--dry-run", "--ignore-installed", "--report", "-", "--target", target, *TARGET),
                *("--requirement", str(root / "requirements.txt")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        told = "\n  ".join(ran.stderr.strip().splitlines()[-6:])
        raise PackageError(f"pip found nothing that fits:\n  {told}")
    lock = root / "requirements.lock"
    lock.write_text(_HEAD + "".join(sorted(map(_line, json.loads(ran.stdout)["install"]))))
    return lock


def _line(found: dict[str, Any]) -> str:
    about = found["metadata"]
    sha256 = found["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{canonical(about['name'])}=={about['version']} --hash=sha256:{sha256}\n"
