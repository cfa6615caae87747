"""The lab's mail server for somebody who is not root, as in the devcontainer."""

import os
import subprocess
import sys

from tests.lab.processes import ROOT

# All is imported before the rights are given up: this copy of the project, and the interpreter,
# may lie where others have no access.
_AS_NOBODY = """
import os, tempfile
from pathlib import Path
from tests.lab import processes
from tests.lab.certificates import Authority
from tests.lab.dovecot import Dovecot

os.chdir("/")
processes.ROOT = Path("/")
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with tempfile.TemporaryDirectory() as folder:
    server = Dovecot(Path(folder), Authority(Path(folder)), "https://localhost:9/introspect")
    server.start()
    server.wait()
    server.deliver("ada@outlook.example", b"Subject: Hello\\r\\n\\r\\nHello")
    print(os.geteuid(), server.flags("ada@outlook.example"))
    server.close()
"""


def test_it_starts_and_takes_mail() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.endswith(" {1: set()}\n")
    assert not ran.stdout.startswith("0 ")
