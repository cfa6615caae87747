"""How much memory a process and its children have had at most, as Linux counts it."""

from pathlib import Path


def peak_mb(pid: int) -> float:
    """The sum of their high-water marks, in MB of 2^20 bytes; 0 where the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    mark = next((line for line in status.splitlines() if line.startswith("VmHWM")), "0 0")
    return int(mark.split()[1]) / 1024 + sum(peak_mb(int(child)) for child in children)
