"""A folder as a zip whose bytes depend on its files alone: not on times, modes, names of disks."""

import hashlib
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from .errors import PackageError

_FIRST_ZIP_TIME = 315532800  # 1980-01-01, before which a zip has no dates
_LAST_ZIP_TIME = 4354819198  # 2107-12-31
_LEVEL = 6  # 9 saves less than a hundredth, for four times the work
_UNIX = 3
_ORDINARY_FILE = 0o100644


def contents(folder: Path) -> dict[str, bytes]:
    """Each file by its path with slashes, in the order of the zip."""
    files = (file for file in folder.rglob("*") if file.is_file())
    by_name = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: by_name[name].read_bytes() for name in sorted(by_name)}


def digest(files: Mapping[str, bytes]) -> str:
    """sha256 of names and contents: the same where another zlib compresses otherwise."""
    found = hashlib.sha256()
    for name, content in files.items():
        found.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return found.hexdigest()


def write(files: Mapping[str, bytes], out: Path) -> None:
    """Writes the zip; until it is whole, nothing is at `out` that was not there before."""
    written_at = _written_at()
    out.parent.mkdir(parents=True, exist_ok=True)
    waiting = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(waiting, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, written_at)
                entry.create_system = _UNIX
                entry.external_attr = _ORDINARY_FILE << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED, _LEVEL)
        waiting.replace(out)
    finally:
        waiting.unlink(missing_ok=True)


def _written_at() -> tuple[int, int, int, int, int, int]:
    """What SOURCE_DATE_EPOCH says (https://reproducible-builds.org/specs/source-date-epoch/)."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not told:
        return (1980, 1, 1, 0, 0, 0)
    if not told.isdecimal() or not _FIRST_ZIP_TIME <= int(told) <= _LAST_ZIP_TIME:
        raise PackageError(f"SOURCE_DATE_EPOCH: {told!r} is not seconds of the years 1980 to 2107")
    return time.gmtime(int(told))[:6]
