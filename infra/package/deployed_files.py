"""Which files of the project are deployed: those that git knows and .funcignore takes."""

import fnmatch
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import PackageError

RULES = ".funcignore"

# Never deployed, whatever .funcignore says.
_SECRETS = ("local.settings*.json", ".env*", "*.pem", "*.key", "*.pfx", "*.p12")


@dataclass(frozen=True)
class Rules:
    """taken: names of the top level that are deployed. left_out: names that are not, anywhere."""

    taken: frozenset[str]
    left_out: frozenset[str]

    def takes(self, path: str) -> bool:
        """path: relative, with slashes."""
        parts = PurePosixPath(path).parts
        return parts[0] in self.taken and self.left_out.isdisjoint(parts)


@dataclass(frozen=True)
class DeployedFiles:
    """paths: sorted, relative, with slashes. changed: those whose content is not committed."""

    paths: list[str]
    changed: list[str]


def find(root: Path) -> DeployedFiles:
    """Looks at the project in `root`; raises PackageError.

    Without git (a downloaded archive) everything that .funcignore takes is deployed.
    """
    rules = read_rules((root / RULES).read_text())
    if not (root / ".git").exists():
        return DeployedFiles(_checked(root, filter(rules.takes, _walk(root, rules))), [])
    known = set(_git(root, "ls-files", "-z"))
    unknown = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    strays = sorted(filter(rules.takes, unknown))
    if strays:
        raise PackageError(
            f"git does not know {', '.join(strays)}. Add what belongs to the app (git add) and "
            "remove the rest: without it the package could lack a module, or have one too many."
        )
    changed = set(_git(root, "diff", "--name-only", "-z", "HEAD"))
    gone = set(_git(root, "ls-files", "-z", "--deleted"))
    paths = _checked(root, filter(rules.takes, known - gone))
    return DeployedFiles(paths, sorted(filter(rules.takes, changed)))


def read_rules(text: str) -> Rules:
    """Of .funcignore only what every reader of it understands alike; raises PackageError."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines or lines[0] != "/*":
        raise PackageError(f"{RULES}: its first line has to be /*, which leaves out everything")
    taken: set[str] = set()
    left_out: set[str] = set()
    for line in lines[1:]:
        start, name = (line[:2], line[2:]) if line.startswith("!/") else (line[:3], line[3:])
        if start not in {"!/", "**/"} or not name or set(name) & set("/*?[]!\\"):
            raise PackageError(
                f"{RULES}: {line!r} is neither !/NAME nor **/NAME; func and azd would not read it "
                "as make package does"
            )
        (taken if start == "!/" else left_out).add(name)
    return Rules(frozenset(taken), frozenset(left_out))


def _checked(root: Path, paths: Iterable[str]) -> list[str]:
    found = sorted(paths)
    for path in found:
        name = PurePosixPath(path).name
        if any(fnmatch.fnmatch(name, pattern) for pattern in _SECRETS):
            raise PackageError(f"{path} looks like a secret and is never deployed: take it away")
        if (root / path).is_symlink():
            raise PackageError(f"{path} is a symbolic link, which a package can't carry")
    return found


def _walk(root: Path, rules: Rules) -> Iterable[str]:
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        if here == Path():
            folders[:] = [name for name in folders if name in rules.taken]
        yield from ((here / name).as_posix() for name in files)


def _git(root: Path, *command: str) -> list[str]:
    """The names that it gives, ended by NUL."""
    git = shutil.which("git")
    if git is None:
        raise PackageError("git is not installed; it says which files belong to the project")
    ran = subprocess.run([git, *command], cwd=root, capture_output=True, check=False)
    if ran.returncode:
        raise PackageError(f"git {command[0]}: {ran.stderr.decode(errors='replace').strip()}")
    return [os.fsdecode(name) for name in ran.stdout.split(b"\0") if name]
