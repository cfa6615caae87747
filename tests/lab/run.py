"""The app on this machine against the real Microsoft, with the developer's local.settings.json.

The storage emulator is started where the settings want it and nobody has; then the doctor looks,
and then `func start` serves, or where that is not installed the lab's own host.
"""

import argparse
import contextlib
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared import doctor, local_settings, settings

from .azurite import Azurite
from .errors import LabError
from .packages import install_azurite
from .ports import listens
from .processes import ROOT, plain_environment
from .standing import ending_by_signal

_EMULATOR_PORTS = (10000, 10001, 10002)
PORT = 7071


def main(arguments: list[str] | None = None) -> int:
    """Serves until Ctrl-C; a LabError is one sentence on stderr and exit code 1."""
    options = _options(arguments)
    try:
        with ending_by_signal():
            return run(options.settings, anyway=options.anyway)
    except (LabError, local_settings.Unreadable) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def run(file: Path, *, anyway: bool) -> int:
    """The exit code of the host, 1 where the doctor found something wrong."""
    if not file.exists():
        raise LabError(
            f"There is no {file.name} here. Make one: cp local.settings.example.json {file.name}, "
            "fill it in as README.md says under 'Run it with your own mailbox', then again."
        )
    environment = settings.environment(local_settings.read(file))
    with _emulator(environment):
        if not doctor.examine(environment, tell=lambda one: print(one.line, flush=True)).is_well:
            print("\nmake run ARGS=--anyway starts all the same.", file=sys.stderr)
            if not anyway:
                return 1
        return _serve(environment)


@contextlib.contextmanager
def _emulator(environment: Mapping[str, str]) -> Iterator[None]:
    """The storage emulator, where the settings want it and it does not run; it keeps its data."""
    wanted = "UseDevelopmentStorage=true" in environment.get("AzureWebJobsStorage", "")
    if not wanted or all(map(listens, _EMULATOR_PORTS)):
        yield
        return
    install_azurite()
    print("Starting Azurite, which keeps its data in .lab/storage ...", flush=True)
    azurite = Azurite(ROOT / ".lab/storage", ports=_EMULATOR_PORTS, keeps=True)
    try:
        azurite.wait()
        yield
    finally:
        azurite.stop()


def _serve(environment: Mapping[str, str]) -> int:
    port = urlsplit(environment.get("PUBLIC_BASE_URL", "")).port or PORT
    func = shutil.which("func", path=environment.get("PATH"))
    if func:
        return _stay([func, "start", "--port", str(port)], environment)
    key = secrets.token_hex(24)
    print(f"\nfunc is not installed: the lab's own host serves. Function key: {key}", flush=True)
    host = [sys.executable, "-m", "tests.lab.functions_host", "--app", str(ROOT)]
    keys = ["--function-key", key, "--master-key", secrets.token_hex(24)]
    return _stay([*host, "--port", str(port), *keys], plain_environment() | dict(environment))


def _stay(command: list[str], environment: Mapping[str, str]) -> int:
    """Until it ends, or we are told to end it."""
    child = subprocess.Popen(command, cwd=ROOT, env=dict(environment), start_new_session=True)
    try:
        return child.wait()
    finally:
        child.terminate()
        child.wait()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--settings",
        type=Path,
        default=ROOT / "local.settings.json",
        metavar="FILE",
        help="the settings besides the environment, which goes first (default: the project's)",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="start also where the doctor finds something wrong"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
