"""Builds the deployment package: the app, its dependencies and bytecode, in one zip.

For Azure Functions on Linux x86_64 with Python 3.13, from any machine; nothing is built in the
cloud. The same commit gives the same bytes.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
if sys.version_info < (3, 10):  # noqa: UP036 hooks run it with any Python
    sys.exit("Python 3.10 or newer is needed; 3.13 compiles bytecode too")
if not __package__:  # python3 infra/package
    sys.path[0] = str(ROOT)

from infra.package import archive, deployed_files, lock, wheels  # noqa: E402 after the path
from infra.package.errors import PackageError  # noqa: E402

_OUT = Path("dist/unseen.zip")
_LIBRARIES = ".python_packages/lib/site-packages"
_LARGEST = 6


def main(arguments: "list[str] | None" = None) -> int:
    """Builds and says what came of it; 1 and one sentence on stderr where it can't."""
    options = _options(arguments)
    try:
        if options.lock:
            print(f"{lock.write(options.root)} is written")
            return 0
        _build(options)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _build(options: argparse.Namespace) -> None:
    root, out = options.root, options.out or options.root / _OUT
    found = deployed_files.find(root)
    locked = wheels.read_lock(root)
    with TemporaryDirectory() as staging:
        stage = Path(staging)
        for path in found.paths:
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, stage / path)
        fetched = wheels.fetch(root, locked, root / "dist/wheels")
        wheels.unpack(fetched, stage / _LIBRARIES)
        compiled = "" if options.no_bytecode else _compile(stage)
        files = archive.contents(stage)
    archive.write(files, out)
    print(_manifest(files, out, compiled), end="")
    if not compiled and not options.no_bytecode:
        print(
            f"There is no Python {wheels.PYTHON} here, so it has no bytecode, and each cold start "
            "compiles. make package finds one.",
            file=sys.stderr,
        )
    if found.changed:
        print(f"Not committed, but in it: {', '.join(found.changed)}", file=sys.stderr)


def _compile(stage: Path) -> str:
    """The version that compiled; empty where there is no Python of Azure's version."""
    python = _python()
    if python is None:
        return ""
    # Neither the environment nor site-packages have a say.
    worker = Path(__file__).with_name("compile_all.py")
    command = [python, "-I", "-S", str(worker), str(stage)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise PackageError(f"It does not compile: {ran.stderr.strip()}")
    return _version(python)


def _python() -> "str | None":
    for candidate in (sys.executable, shutil.which(f"python{wheels.PYTHON}")):
        if candidate and _version(candidate).startswith(f"{wheels.PYTHON}."):
            return candidate
    return None


def _version(python: str) -> str:
    code = "import platform; print(platform.python_version())"
    ran = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def _manifest(files: Mapping[str, bytes], out: Path, compiled: str) -> str:
    sizes: Counter[str] = Counter()
    for name, content in files.items():
        sizes[_part(name)] += len(content)
    own = sum(not name.startswith(_LIBRARIES) for name in files)
    largest = ", ".join(f"{name} {_mb(size)}" for name, size in sizes.most_common(_LARGEST))
    rows = {
        "files": f"{len(files)}, {own} of them the app's",
        "size": f"{_mb(out.stat().st_size)}, unpacked {_mb(sum(map(len, files.values())))}",
        "largest": largest,
        "bytecode": f"Python {compiled}" if compiled else "none",
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "contents": archive.digest(files),
    }
    return f"{out}\n" + "".join(f"  {name:<10}{value}\n" for name, value in rows.items())


def _part(name: str) -> str:
    return name.removeprefix(f"{_LIBRARIES}/").partition("/")[0]


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _options(arguments: "list[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, metavar="ZIP", help=f"where it goes (default: {_OUT})")
    add("--root", type=Path, default=ROOT, metavar="DIR", help="the project (default: this one)")
    add("--no-bytecode", action="store_true", help="leave compiled modules out")
    add(
        "--lock", action="store_true", help="only write requirements.lock, with the newest versions"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
