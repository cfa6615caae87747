"""The doctor: goes through all that the app needs, and says of each step ok or what to do.

`make doctor`, and with `ACCOUNT=ID` a connected mailbox step by step. It prints no secret, and
changes nothing: what it writes to see whether it can be written is removed again.
"""

import argparse
import json
import logging
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shared import instants, local_settings
from shared import settings as settings_module
from shared.connector import Connector
from shared.doctor_app import DoctorOfTheApp
from shared.doctor_mailbox import DoctorOfAMailbox
from shared.errors import SettingsError
from shared.findings import Examination, Finding

_PYTHON = (3, 13)
_EPILOG = "Exit codes: 0 all is well (or skipped), 1 something is wrong, 2 wrong usage."


def examine(
    environment: Mapping[str, str],
    account_id: str = "",
    tell: Callable[[Finding], None] = lambda finding: None,
    clock: instants.Clock = instants.now,
) -> Examination:
    """All steps with these settings; `tell` hears of each finding as soon as it is known."""
    examination = Examination(tell)
    if sys.version_info < _PYTHON:
        examination.wrong("python", "python_too_old", platform.python_version())
    else:
        examination.step("python", platform.python_version)
    try:
        settings = settings_module.read(environment)
    except SettingsError as error:
        for name, why in error.problems:
            examination.wrong("settings", "settings_wrong", f"{name}: {why}")
        examination.skip("needs the settings", "everything else")
        return examination
    examination.step("settings", lambda: "complete")
    parts = Connector(settings, clock)
    try:
        DoctorOfTheApp(parts, examination).examine()
        if account_id:
            DoctorOfAMailbox(parts, account_id, examination).examine()
    finally:
        parts.tables.close()
        parts.microsoft.close()
    return examination


def main(arguments: list[str] | None = None) -> int:
    """Prints a line for each finding, or all as JSON."""
    options = _options(arguments)
    # What a flow logs is for the log of the app; the findings say it here.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        environment = settings_module.environment(local_settings.read(options.settings))
    except local_settings.Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    tell = _silent if options.json else _print
    examination = examine(environment, options.account, tell)
    if options.json:
        report = {
            "status": "ok" if examination.is_well else "wrong",
            "findings": [finding.view for finding in examination.findings],
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if examination.is_well else 1


def _print(finding: Finding) -> None:
    sys.stdout.write(f"{finding.line}\n")
    sys.stdout.flush()


def _silent(finding: Finding) -> None:
    """All findings come together, as JSON."""


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make doctor", description=__doc__, epilog=_EPILOG, allow_abbrev=False
    )
    add = parser.add_argument
    add("--account", default="", metavar="ID", help="look at this connected mailbox too")
    add("--json", action="store_true", help="print all findings as JSON at the end")
    add(
        "--settings",
        type=Path,
        default=Path("local.settings.json"),
        metavar="FILE",
        help="where the settings are besides the environment, which goes first"
        " (default: %(default)s, where it is there)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
