"""Installs the parts of the lab that pip does not: Debian packages and Node's Azurite.

What may not be installed here is named with the command that installs it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError
from .processes import ROOT

_SBIN = "/usr/sbin:/usr/local/sbin"
_DOVECOT_IMAP = ("/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap")
_DOVECOT = ("dovecot-core", "dovecot-imapd")
_CHROMIUM = ("chromium",)
WANTED = frozenset(_DOVECOT + _CHROMIUM)
NODE_MAJOR = 20


def main() -> None:
    """Installs what is missing; exits with 1 and one sentence where it can't."""
    try:
        install()
    except LabError as error:
        sys.exit(f"\n{error}")


def install() -> None:
    """Brings the machine to what the lab needs; does nothing where all is there."""
    missing = missing_packages()
    if missing:
        _install_packages(missing)
    _check_dovecot()
    install_azurite()


def missing_packages() -> list[str]:
    """Debian's names of what is not there."""
    missing: list[str] = []
    if _find("dovecot") is None or not any(Path(file).exists() for file in _DOVECOT_IMAP):
        missing += _DOVECOT
    if _find("chromium") is None:
        missing += _CHROMIUM
    return missing


def _install_packages(names: Sequence[str]) -> None:
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabError(f"Missing here: {', '.join(names)}. Install as root (Debian 12): {command}")
    print(f"Installing {', '.join(names)} ...", flush=True)
    quiet = ("-qq", "-o=Dpkg::Use-Pty=0")
    _run(["apt-get", *quiet, "update"], "apt-get update")
    _run(["apt-get", *quiet, "-y", "install", "--no-install-recommends", *names], command)


def _check_dovecot() -> None:
    version = _output([_find("dovecot") or "dovecot", "--version"])
    if not version.startswith("2.3."):
        raise LabError(
            f"Dovecot {version or '(unknown)'} is installed; the lab knows the configuration "
            "language of 2.3 only (Debian 12). The devcontainer has it: .devcontainer/README.md"
        )


def _check_node() -> None:
    found = _output(["node", "--version"]).removeprefix("v").partition(".")[0]
    if not found.isdecimal() or int(found) < NODE_MAJOR:
        raise LabError(
            f"Node.js {NODE_MAJOR} or newer runs the storage emulator; found: {found or 'none'}. "
            "Install it from https://nodejs.org/en/download"
        )


def install_azurite() -> None:
    """`npm ci`, once for each content of package-lock.json; raises LabError where it can't."""
    _check_node()
    stamp = ROOT / "node_modules/.installed"
    wanted = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing Azurite and the Node parts of the tests ...", flush=True)
    _run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], "npm ci")
    stamp.write_text(wanted)


def _run(command: Sequence[str], by_hand: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed; it is needed for: {by_hand}") from None
    if ran.returncode:
        told = "\n  ".join((ran.stderr or ran.stdout).strip().splitlines()[-8:])
        raise LabError(f"{by_hand} failed:\n  {told}")


def _output(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


if __name__ == "__main__":
    main()
