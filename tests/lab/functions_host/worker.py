"""The app in the real worker library: indexed once, then called.

The library keeps its state in module globals, so there is one app per process.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import azure_functions_runtime as runtime
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from .errors import HostError
from .worker_messages import Messages, StatusResult, init_request

MESSAGES = Messages()


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `failure` is None, or what went wrong with its traceback."""

    failure: str | None
    returned: Datum | None
    outputs: tuple[tuple[str, Datum], ...]


async def index_app(folder: Path) -> list[tuple[str, str, list[str]]]:
    """Import the app in `folder` and give (id, name, raw bindings) of its functions.

    Changes to that folder and puts it on the import path in place of the folder this process was
    started in, as the platform does. Raises HostError with the app's traceback.
    """
    if not (folder / "function_app.py").is_file():
        raise HostError(f"no function_app.py in {folder}")
    _enter(folder)
    runtime.start_threadpool_executor()
    answer = await runtime.worker_init_request(init_request(str(folder), MESSAGES))
    if answer.result.status != StatusResult.Success:
        raise HostError(f"the app cannot be indexed\n{answer.result.exception.stack_trace}")
    answer = await runtime.functions_metadata_request(SimpleNamespace())
    found = answer.function_metadata_results
    if not found:
        raise HostError(f"function_app.py in {folder} has no functions")
    return [(one.function_id, one.name, one.raw_bindings) for one in found]


def _enter(folder: Path) -> None:
    """Change to the app's folder and import from it, no longer from where the host was started."""
    if sys.path[0] in {"", str(Path.cwd())}:
        del sys.path[0]
    sys.path.insert(0, str(folder))
    os.chdir(folder)


async def call(
    invocation_id: str,
    function_id: str,
    inputs: list[tuple[str, Datum]],
    metadata: dict[str, Datum],
) -> Outcome:
    """Run a function: an `async def` on this loop, any other in the library's thread pool."""
    succeeded, returned, outputs, error, trace = await invocation_request_native(
        invocation_id, function_id, inputs, metadata
    )
    failure = None if succeeded else (trace or error or "failed")
    return Outcome(failure, returned, tuple(outputs))
