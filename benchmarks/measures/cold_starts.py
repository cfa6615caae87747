"""Cold start: from the start of a process to its first answer, and what of it are imports."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measures.checks import Figures
from benchmarks.measures.stage import Stage
from tests.lab.app_host import AppHost
from tests.lab.azurite import next_account
from tests.lab.processes import ROOT, plain_environment

_NOTHING = "pass"
_FUNCTIONS = "import function_app"
_BUILT = "import function_app; from shared.connector import connector; connector().tend"
_OURS = "import sys; print(*(name for name in sys.modules if name.startswith('shared.')))"


def measure(stage: Stage, rounds: int) -> Figures:
    """Medians of so many starts of the worker library on the lab's host, and of imports alone.

    first_answer: GET /api/health, from the start of the process. indexed: imports of
    `function_app`, as the platform indexes it; imports: these and all that a tend is built of;
    built: the same, and built, TLS contexts included. Without the interpreter's own start.
    """
    starts = [_started(stage) for _ in range(rounds)]
    bare = _cpu_ms(stage, _NOTHING, rounds)
    found = {
        "first_answer_seconds": statistics.median(wall for wall, _ in starts),
        "first_answer_cpu_seconds": statistics.median(cpu for _, cpu in starts),
        "indexed_cpu_ms": _cpu_ms(stage, _FUNCTIONS, rounds) - bare,
        "imports_cpu_ms": _cpu_ms(stage, f"{_FUNCTIONS}, {_parts(stage)}", rounds) - bare,
        "built_cpu_ms": _cpu_ms(stage, _BUILT, rounds) - bare,
    }
    print(_line(found), flush=True)
    return found


def _started(stage: Stage) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        host = AppHost(stage.services, Path(folder), storage_account=next_account())
        began = time.perf_counter()
        host.start()
        try:
            host.api("GET", "health").raise_for_status()
            return time.perf_counter() - began, _cpu_seconds(host.pid)
        finally:
            host.kill()


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, in steps of 10 ms (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _parts(stage: Stage) -> str:
    """The modules that building a tend imports, as an import statement names them."""
    return ", ".join(_printed(stage, f"{_BUILT}; {_OURS}").split())


def _cpu_ms(stage: Stage, code: str, rounds: int) -> float:
    timed = f"{code}; import time; print(time.process_time())"
    return statistics.median(float(_printed(stage, timed)) * 1000 for _ in range(rounds))


def _printed(stage: Stage, code: str) -> str:
    command = [sys.executable, "-c", code]
    environment = plain_environment() | stage.app.environment
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True
    ).stdout


def _line(found: Figures) -> str:
    return (
        f"  first answer after {found['first_answer_seconds']:.2f} s"
        f" ({found['first_answer_cpu_seconds']:.2f} s CPU);"
        f" imports of what is indexed {found['indexed_cpu_ms']:.0f} ms CPU,"
        f" of all that tends {found['imports_cpu_ms']:.0f} ms, built {found['built_cpu_ms']:.0f} ms"
    )
