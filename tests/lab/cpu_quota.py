"""A share of a core for a process and its children, by a control group of Linux.

https://docs.kernel.org/scheduler/sched-bwc.html
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
_PERIOD_US = 100_000


class CpuQuota:
    """cores: 1 is one whole core. Raises OSError where control groups can't be made here."""

    def __init__(self, name: str, cores: float) -> None:
        quota = int(cores * _PERIOD_US)
        is_old = (_V1 / "cpu.cfs_quota_us").exists()
        self._group = (_V1 if is_old else _V2) / f"unseen-{name}-{os.getpid()}"
        self._group.mkdir()
        if is_old:
            (self._group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (self._group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self._group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")

    def add(self, pid: int) -> None:
        """The process, and those that it has started."""
        for one in tree(pid):
            (self._group / "cgroup.procs").write_text(str(one))

    def placed(self, command: Sequence[str]) -> list[str]:
        """The command, so that it has joined before it is begun."""
        join = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        return ["sh", "-c", join, str(self._group), *command]

    def close(self) -> None:
        """Its processes have to be gone."""
        with contextlib.suppress(OSError):
            self._group.rmdir()


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Processor time of the process and all that descend from it, ended ones among them."""
    ticks = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / os.sysconf("SC_CLK_TCK")
