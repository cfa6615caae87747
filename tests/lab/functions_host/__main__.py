"""Command line of the local Functions host."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from azure_functions_runtime.utils.app_setting_manager import is_envvar_true

from .app_settings import keep_storage
from .errors import HostError
from .host import Host, HostOptions
from .host_json import read_host_json
from .keys import Keys
from .logs import configure_logs

_AZURE_HIDE_SECONDS = 600


def main() -> None:
    """Serve an app until SIGTERM or SIGINT."""
    arguments = _parser().parse_args()
    ready = _take_stdout()
    try:
        asyncio.run(_serve(arguments, ready))
    except HostError as error:
        sys.stderr.write(f"{error}\n")
        _leave(1)
    _leave(0)


async def _serve(arguments: argparse.Namespace, ready: TextIO) -> None:
    stop = _stop_signal()
    if arguments.storage:
        keep_storage(arguments.storage)
    folder = arguments.app.resolve()
    host_json = read_host_json(folder)
    configure_logs(host_json.log_levels, debug=is_envvar_true("PYTHON_ENABLE_DEBUG_LOGGING"))
    host = Host(host_json, _options(arguments))
    try:
        port = await host.start(folder)
        ready.write(f"ready http://localhost:{port}\n")
        ready.flush()
        await stop.wait()
        await host.stop(arguments.grace)
    finally:
        await host.close()


def _stop_signal() -> asyncio.Event:
    """Give an event for the first signal; a second signal ends the process at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            _leave(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def _take_stdout() -> TextIO:
    """Keep stdout for the ready line; what the app prints goes to stderr."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    return stdout


def _leave(code: int) -> None:
    # A plain exit would wait for functions in threads, for as long as they please.
    sys.stderr.flush()
    os._exit(code)


def _options(arguments: argparse.Namespace) -> HostOptions:
    return HostOptions(
        keys=Keys(function=arguments.function_key, master=arguments.master_key),
        port=arguments.port,
        hide_seconds=arguments.hide_seconds,
        beat_seconds=arguments.beat,
        timers=arguments.timers,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.functions_host",
        description="Serve an Azure Functions app (Python v2 model) on localhost. The environment"
        " holds the app's settings. Prints one line, 'ready http://localhost:PORT', on stdout once"
        " it serves, and logs to stderr. SIGTERM or Ctrl-C ends it, twice at once.",
    )
    add = parser.add_argument
    add("--app", type=Path, required=True, metavar="DIR", help="folder of function_app.py")
    add("--port", type=int, default=0, help="HTTP port; 0 (default) takes a free one")
    add("--function-key", required=True, metavar="KEY", help="opens functions of level 'function'")
    add("--master-key", required=True, metavar="KEY", help="opens everything, and /admin")
    add(
        "--storage",
        default="",
        metavar="CONNECTION",
        help="the host's own storage, where the app's AzureWebJobsStorage is no connection string",
    )
    add(
        "--hide-seconds",
        type=_at_least(1, int),
        default=_AZURE_HIDE_SECONDS,
        metavar="S",
        help="how long a received queue message is hidden from others, renewed at half of it"
        " (default: 600, as on Azure)",
    )
    add(
        "--beat",
        type=_at_least(0.05, float),
        metavar="S",
        help="fire every timer each S seconds too, besides its schedule",
    )
    add(
        "--grace",
        type=_at_least(0, float),
        default=30.0,
        metavar="S",
        help="how long running functions may take to end after SIGTERM (default: 30)",
    )
    add(
        "--no-timers",
        dest="timers",
        action="store_false",
        help="fire timers only when POST /admin/functions/NAME asks for it",
    )
    return parser


def _at_least[N: (int, float)](least: N, kind: Callable[[str], N]) -> Callable[[str], N]:
    def number(text: str) -> N:
        value = kind(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least:g}")
        return value

    return number


if __name__ == "__main__":
    main()
