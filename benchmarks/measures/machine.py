"""The machine and its load: figures mean nothing without them."""

import importlib.metadata
import json
import os
import platform
import ssl
import subprocess
import time
from pathlib import Path

from benchmarks.measures.checks import Figures
from tests.lab.processes import ROOT

_PACKAGES = ("imapclient", "imap-tools", "aioimaplib", "azure-data-tables", "msal")
_NODE_PACKAGES = ("azurite", "imapflow", "postal-mime")


def description() -> Figures:
    """CPU, cores, memory, kernel, and versions of what was measured."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 1e6),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split(" ")[1],
        "node": _said("node", "--version").removeprefix("v"),
        "dovecot": _said("/usr/sbin/dovecot", "--version").split(" ")[0],
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES}
        | {name: _node_version(name) for name in _NODE_PACKAGES},
    }


def busy_percent(seconds: float) -> float:
    """How busy all cores are in the next seconds, with whatever others do."""
    before = _cpu_times()
    time.sleep(seconds)
    idle, total = (now - then for now, then in zip(_cpu_times(), before, strict=True))
    return 100 * (1 - idle / total)


def _cpu_times() -> tuple[int, int]:
    """Idle and all, in ticks since the machine started (proc_stat(5))."""
    fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _field(file: str, name: str) -> str:
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not there"


def _node_version(name: str) -> str:
    file = ROOT / "node_modules" / name / "package.json"
    return str(json.loads(file.read_text())["version"]) if file.exists() else "not there"
