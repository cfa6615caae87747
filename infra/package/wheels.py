"""The dependencies, as requirements.lock names them: wheels for Azure's Python on Linux, unpacked.

They are fetched for that platform whatever this machine is, and each is checked against its hash.
"""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import PackageError

PYTHON = "3.13"
# Flex Consumption runs x86_64 with glibc 2.31 or newer; a wheel names the oldest that it takes.
_GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
PLATFORMS = [f"manylinux_{version}_x86_64" for version in _GLIBC]
PLATFORMS += [f"manylinux{year}_x86_64" for year in ("2014", "2010", "1")]
TARGET = [
    *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON),
    *(option for platform in PLATFORMS for option in ("--platform", platform)),
]

# What only compilers and type checkers read.
_LEFT_OUT = {".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".hpp"}
_LOCKED = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+) --hash=sha256:(?P<sha>[0-9a-f]{64})"
)
_PINNED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)")


@dataclass(frozen=True)
class Locked:
    """A line of requirements.lock. name: as PyPI compares it, like `azure-core`."""

    name: str
    version: str
    sha256: str


def read_lock(root: Path) -> list[Locked]:
    """What is locked; raises PackageError where requirements.txt asks for anything else."""
    found = []
    for line in _lines(root / "requirements.lock"):
        match = _LOCKED.fullmatch(line)
        if match is None:
            raise PackageError(f"requirements.lock: {line!r} is not NAME==VERSION --hash=sha256:…")
        found.append(Locked(canonical(match["name"]), match["version"], match["sha"]))
    versions = {one.name: one.version for one in found}
    for line in _lines(root / "requirements.txt"):
        match = _PINNED.fullmatch(line)
        if match is None:
            raise PackageError(f"requirements.txt: {line!r} is not NAME==VERSION")
        if versions.get(canonical(match["name"])) != match["version"]:
            raise PackageError(f"requirements.lock does not have {line}: run make lock")
    return found


def canonical(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def fetch(root: Path, locked: list[Locked], folder: Path) -> list[Path]:
    """The wheels in `folder`, in the lock's order; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    there = _by_hash(folder)
    if any(one.sha256 not in there for one in locked):
        _download(root / "requirements.lock", folder)
        there = _by_hash(folder)
    return [there[one.sha256] for one in locked]


def _download(lock: Path, folder: Path) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
            *("--no-deps", "--require-hashes", *TARGET, "--dest", str(folder)),
            *("--requirement", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise PackageError(_why(ran.stderr))


def _why(told: str) -> str:
    if "No module named pip" in told:
        return f"{sys.executable} has no pip: run make package, or install pip for it"
    missing = re.search(r"No matching distribution found for (\S+)", told)
    unreachable = "connection" in told.lower() or "Temporary failure in name resolution" in told
    lines = "\n  ".join(told.strip().splitlines()[-6:])
    if unreachable:
        return f"The dependencies could not be fetched; is there a network? pip said:\n  {lines}"
    if missing:
        return (
            f"{missing[1]} has no wheel for Linux x86_64 and Python {PYTHON}. pip said:\n  {lines}"
        )
    return f"The dependencies could not be fetched. pip said:\n  {lines}"


def unpack(wheels: Iterable[Path], site_packages: Path) -> None:
    """Puts the wheels' files where an import finds them; no scripts, and nothing is run."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                path = _installed(entry.filename)
                if path is not None and not entry.is_dir():
                    target = site_packages / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(entry))


def _installed(name: str) -> PurePosixPath | None:
    """Where a wheel's file belongs below site-packages; None: nowhere."""
    path = PurePosixPath(name)
    if ".." in path.parts or path.is_absolute():
        raise PackageError(f"a wheel has a file {name}, which would land elsewhere")
    if path.parts[0].endswith(".data"):
        if path.parts[1] not in {"purelib", "platlib"}:
            return None
        path = PurePosixPath(*path.parts[2:])
    return None if path.suffix in _LEFT_OUT else path


def _by_hash(folder: Path) -> dict[str, Path]:
    files = sorted(folder.glob("*.whl"))
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in files}


def _lines(file: Path) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]
