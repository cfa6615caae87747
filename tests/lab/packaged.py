"""An app that was packaged: unpacked, and run as Azure does, on the dependencies that it brings."""

import shutil
import zipfile
from pathlib import Path

from .errors import LabError

# https://learn.microsoft.com/azure/azure-functions/python-build-options
_LIBRARIES = ".python_packages/lib/site-packages"


def app_folder(place: Path, folder: Path) -> Path:
    """`place` where it is an app's folder; where it is a package, the new folder with its files.

    Raises LabError where it is neither.
    """
    found = place
    if place.is_file():
        found = folder / "app"
        shutil.rmtree(found, ignore_errors=True)
        try:
            with zipfile.ZipFile(place) as archive:
                archive.extractall(found)
        except zipfile.BadZipFile as error:
            raise LabError(f"{place} is no package: {error}") from None
    if not (found / "function_app.py").is_file():
        raise LabError(f"{place} is no app: it has no function_app.py. make package makes one.")
    return found.resolve()


def libraries_first(app: Path) -> dict[str, str]:
    """The environment in which the app's own dependencies, if it has any, come before others.

    They have to from the beginning: host and app are one process here, and what the host imports
    the app gets too.
    """
    libraries = app / _LIBRARIES
    return {"PYTHONPATH": str(libraries)} if libraries.is_dir() else {}
