"""The stage: the lab's services, mailboxes with tokens, accounts that are due, and backlogs."""

import itertools
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import certifi

from benchmarks.clients.job import Mailbox
from benchmarks.measures.clients import Place
from benchmarks.measures.sample_mails import sample_mails
from shared import instants
from shared.account_rows import Account
from tests.lab.not_microsoft.dovecot_users import DovecotUsers, name_of
from tests.lab.processes import plain_environment
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

_MESSAGE_ID = re.compile(rb"^Message-ID:[^\r\n]*", re.IGNORECASE | re.MULTILINE)


class Stage:
    """Everything that clients are measured against; see `stage`."""

    def __init__(self, folder: Path, *, large: bool) -> None:
        self.services = Services(folder, large_dovecot=large)
        self.port = self.services.dovecot.port
        bundle = folder / "bundle.pem"
        # As many authorities as an ordinary machine trusts, and the lab's.
        bundle.write_text(Path(certifi.where()).read_text() + self.services.ca_file.read_text())
        ca_file = str(self.services.ca_file)  # Node has its own list, and takes what is beside it
        self.trust = {"SSL_CERT_FILE": str(bundle), "NODE_EXTRA_CA_CERTS": ca_file}
        settings = {"CLAIM_SECONDS": "300", "CHECK_INTERVAL_SECONDS": "60"}
        self.app = SteppedApp(self.services, folder, settings)
        self._mails = itertools.cycle(sample_mails("messages"))
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self.app.close()
        self.services.close()

    def place(self, rtt_ms: float, port: int = 0) -> Place:
        """Where clients run that know whom to trust, and nothing of the app."""
        return Place(port or self.port, rtt_ms, plain_environment() | self.trust)

    def app_place(self, rtt_ms: float) -> Place:
        """Where the app runs; its storage is near, however far the mail server is."""
        environment = plain_environment() | self.app.environment | self.trust
        return Place(self.port, rtt_ms, environment)

    def mailboxes(self, count: int) -> list[Mailbox]:
        """Empty mailboxes, all opened by one token, as long as Microsoft's are.

        Dovecot is told of the token beforehand, as of an application's: for a person's it would
        ask NotMicrosoft each time, and that, not the clients, would be measured.
        """
        addresses = [f"box{next(self._numbers)}@contoso.example" for _ in range(count)]
        token = "EwB4" + secrets.token_urlsafe(1800)
        users = DovecotUsers(self.services.dovecot.app_users)
        users.tell("benchmark", {name_of(token): addresses})
        return [Mailbox(address, token) for address in addresses]

    def backlog(self, mails: int) -> Mailbox:
        """A mailbox with so much unseen mail."""
        (mailbox,) = self.mailboxes(1)
        self._fill(mailbox.address, mails)
        return mailbox

    def account_with_backlog(self, mails: int) -> Account:
        """An account that was looked through before so much unseen mail came."""
        account = self.app.settled(f"backlog{next(self._numbers)}@outlook.example")
        self._fill(account.address, mails)
        return account

    def _fill(self, address: str, mails: int) -> None:
        dovecot = self.services.dovecot
        for _ in range(mails):
            own = b"Message-ID: <%d@bench.example>" % next(self._numbers)
            dovecot.deliver(address, _MESSAGE_ID.sub(own, next(self._mails), count=1))
        dovecot.flags(address)  # has it indexed, as mail that came over time would be

    def due_accounts(self, count: int) -> list[Account]:
        """Accounts that are due now, with inboxes that nothing is new in."""
        addresses = (f"due{next(self._numbers)}@outlook.example" for _ in range(count))
        return [self.app.settled(address) for address in addresses]

    def make_due(self, accounts: Sequence[Account]) -> datetime:
        """Has a tick find all of them due, and not the hourly reading; gives that tick.

        It is the minute after the next full ten: a tick at those removes what has expired, too.
        """
        now = instants.now()
        full_ten = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
        tick = full_ten + timedelta(minutes=11)
        due = instants.text(tick)
        for account in accounts:
            later = {"next_attempt_at": instants.after(tick, 3000), "claim": "", "unfinished": 0}
            columns = {"next_check_at": due, "next_due_at": due, **later}
            self.app.edit("accounts", account.shard, account.id, **columns)
        return tick


@contextmanager
def stage(*, large: bool = True) -> Iterator[Stage]:
    """Starts it in a folder of its own, and removes both; large: see `DovecotSettings`."""
    folder = Path(tempfile.mkdtemp(prefix="unseen-bench-"))
    try:
        running = Stage(folder, large=large)
        try:
            yield running
        finally:
            running.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
