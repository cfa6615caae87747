"""How much memory a process and its children have had at most, as Linux counts it."""

from pathlib import Path

from .cpu_quota import tree


def peak_mb(pid: int) -> float:
    """The sum of their high-water marks, in MB of 2^20 bytes; 0 where the process is gone."""
    try:
        return sum(_high_water_kb(one) for one in tree(pid)) / 1024
    except OSError:
        return 0


def _high_water_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)
