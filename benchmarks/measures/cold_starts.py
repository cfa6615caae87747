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
    built: the same, and built, TLS contexts included. Without the interpreter's own start, and
    with all of it compiled before.
    """
    starts = [_started(stage) for _ in range(rounds)]
    found = {
        "first_answer_seconds": statistics.median(wall for wall, _ in starts),
        "first_answer_cpu_seconds": statistics.median(cpu for _, cpu in starts),
    }
    with TemporaryDirectory() as compiled:
        interpreter = _Interpreter(stage, compiled, rounds)
        parts = ", ".join(interpreter.printed(f"{_BUILT}; {_OURS}").split())
        bare = interpreter.cpu_ms(_NOTHING)
        found |= {
            "indexed_cpu_ms": interpreter.cpu_ms(_FUNCTIONS) - bare,
            "imports_cpu_ms": interpreter.cpu_ms(f"{_FUNCTIONS}, {parts}") - bare,
            "built_cpu_ms": interpreter.cpu_ms(_BUILT) - bare,
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


class _Interpreter:
    """Runs code in new processes. compiled: a folder for bytecode, filled by the first of them."""

    def __init__(self, stage: Stage, compiled: str, rounds: int) -> None:
        own = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        self._environment = plain_environment() | stage.app.environment | own
        self._rounds = rounds

    def cpu_ms(self, code: str) -> float:
        """The median of so many rounds."""
        timed = f"{code}; import time; print(time.process_time())"
        found = [float(self.printed(timed)) * 1000 for _ in range(self._rounds + 1)]
        return statistics.median(found[1:])  # what the first one had to compile is compiled

    def printed(self, code: str) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, check=True, text=True
        ).stdout


def _line(found: Figures) -> str:
    return (
        f"  first answer after {found['first_answer_seconds']:.2f} s"
        f" ({found['first_answer_cpu_seconds']:.2f} s CPU);"
        f" imports of what is indexed {found['indexed_cpu_ms']:.0f} ms CPU,"
        f" of all that tends {found['imports_cpu_ms']:.0f} ms, built {found['built_cpu_ms']:.0f} ms"
    )
