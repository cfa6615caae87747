"""Dovecot: the mail server of the lab, opened with XOAUTH2 tokens of NotMicrosoft."""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .certificates import Authority
from .dovecot_configuration import DovecotSettings, write
from .errors import LabError
from .ports import free_port
from .processes import Process
from .waiting import wait_until

_numbers = itertools.count(1)
_LETTERS = {"\\Seen": "S", "\\Answered": "R", "\\Flagged": "F", "\\Deleted": "T", "\\Draft": "D"}


class Dovecot:
    """A private instance; any address is a mailbox there, made by its first mail.

    large: see `DovecotSettings`.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        introspection_url: str,
        *,
        port: int = 0,
        large: bool = False,
    ) -> None:
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise LabError(
                "Dovecot is not installed. Install it with: apt-get install dovecot-imapd"
            )
        self._program = program
        self._log_file = folder / "dovecot.log"
        # The server's own users must get there, and a socket's path is short.
        self._folder = Path(tempfile.mkdtemp(prefix="unseen-dovecot-"))
        self._folder.chmod(0o755)
        ca_file, cert_file, key_file = (
            self._folder / shutil.copy(file, self._folder)
            for file in (authority.ca_file, authority.cert_file, authority.key_file)
        )
        self._settings = DovecotSettings(
            self._folder,
            port or free_port(),
            introspection_url,
            ca_file,
            cert_file,
            key_file,
            large,
        )
        self.app_users.mkdir()
        self._settings.mail_root.mkdir()
        self._own(self._settings.mail_root)
        self._process: Process | None = None

    @property
    def port(self) -> int:
        return self._settings.port

    @property
    def app_users(self) -> Path:
        """Where NotMicrosoft says which mailboxes an application's token opens."""
        return self._settings.app_users

    def start(self) -> None:
        """Starts the server, without waiting for it."""
        # A socket of an earlier run would cost seconds.
        shutil.rmtree(self._folder / "run", ignore_errors=True)
        self._process = Process(
            "Dovecot",
            [self._program, "-F", "-c", write(self._settings)],
            self._log_file,
            end_signal="TERM",
        )

    def wait(self) -> None:
        """Until the server answers."""
        assert self._process is not None
        self._process.wait_for_port(self.port)

    def stop(self) -> None:
        """Ends the server; mail stays for the next start."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def close(self) -> None:
        """Ends the server and removes its mail."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def deliver(
        self,
        address: str,
        raw: bytes,
        *,
        folder: str = "INBOX",
        flags: Sequence[str] = (),
        received_at: datetime | None = None,
    ) -> None:
        """Puts one mail into a mailbox, as a delivery agent does with a Maildir."""
        maildir = self._maildir(address, folder)
        name = f"{int(time.time())}.M{time.time_ns() % 10**9:09d}N{next(_numbers)}.lab"
        waiting = maildir / "tmp" / name
        waiting.write_bytes(raw)
        self._own(waiting)
        if received_at is not None:
            os.utime(waiting, (received_at.timestamp(),) * 2)
        if flags:
            letters = "".join(sorted(_LETTERS[flag] for flag in flags))
            waiting.rename(maildir / "cur" / f"{name}:2,{letters}")
        else:
            waiting.rename(maildir / "new" / name)

    def flags(self, address: str, folder: str = "INBOX") -> dict[int, set[str]]:
        """The flags of each mail, by UID."""
        found: dict[int, set[str]] = {}
        for line in self._doveadm(
            "-f", "tab", "fetch", "-u", address.lower(), "uid flags", "mailbox", folder
        ).splitlines()[1:]:
            uid, _, flags = line.partition("\t")
            found[int(uid)] = set(flags.split()) - {"\\Recent"}
        return found

    def move(self, address: str, uid: int, folder: str, to: str) -> None:
        """Moves one mail; the other folder is made where there is none."""
        self._maildir(address, to)
        query = ("mailbox", folder, "uid", str(uid))
        self._doveadm("move", "-u", address.lower(), to, *query)

    def expunge(self, address: str, uid: int, folder: str = "INBOX") -> None:
        self._doveadm("expunge", "-u", address.lower(), "mailbox", folder, "uid", str(uid))

    def renumber(self, address: str, folder: str = "INBOX") -> None:
        """Gives the folder another UIDVALIDITY and its mails other UIDs, as a restore does."""
        # A session that has been left may write its list of UIDs once more before it ends.
        wait_until(
            lambda: address.lower() not in self._doveadm("who", "-1").lower(),
            10,
            "sessions that end",
        )
        maildir = self._maildir(address, folder)
        for file in maildir.glob("dovecot*"):
            if "uidvalidity" not in file.name:  # the one that remembers what was given out
                file.unlink()

    def _is_open(self, address: str) -> bool:
        return address.lower() in self._doveadm("who", "-1").lower()

    def _doveadm(self, *command: str) -> str:
        ran = subprocess.run(
            [shutil.which("doveadm") or "doveadm", "-c", self._folder / "dovecot.conf", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise LabError(f"doveadm {command[0]}: {ran.stderr.strip()}")
        return ran.stdout

    def _maildir(self, address: str, folder: str) -> Path:
        root = self._settings.mail_root / address.lower() / "Maildir"
        maildir = root if folder.upper() == "INBOX" else root / folder
        for part in (root.parent, root, maildir, *(maildir / n for n in ("tmp", "new", "cur"))):
            if not part.exists():
                part.mkdir(parents=True, mode=0o700)
                self._own(part)
        return maildir

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._settings.mail_uid, self._settings.mail_gid)
