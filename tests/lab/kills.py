"""Mail that arrives while the host is killed again and again, and what came of it."""

import random
import time
from dataclasses import dataclass

from .lab import Lab
from .mails import made_up
from .receiver.client import Webhook, ids
from .waiting import wait_until


@dataclass(frozen=True)
class Report:
    """What a run showed. ids: webhook ids by subject; repeated: webhooks beyond the first."""

    mails: int
    kills: int
    ids: dict[str, set[str]]
    repeated: int
    seconds: float

    @property
    def missing(self) -> int:
        return self.mails - len(self.ids)

    @property
    def renamed(self) -> int:
        """Mails that came under more than one id."""
        return sum(len(found) > 1 for found in self.ids.values())

    def __str__(self) -> str:
        return (
            f"{self.mails} mails, {self.kills} kills: {self.missing} missing, "
            f"{self.repeated} sent again, {self.renamed} of them under another id "
            f"({self.seconds:.0f} s)"
        )


def kill_while_mail_arrives(lab: Lab, address: str, mails: int, kills: int, seed: int) -> Report:
    """Connects the mailbox, puts mail in between kills at random moments, waits for the end."""
    chance = random.Random(seed)
    started = time.monotonic()
    lab.connect(address)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    # Endpoints take their time, so that kills meet deliveries under way.
    lab.receiver.answer({"seconds": 0.02})
    subjects = [f"Mail {number}" for number in range(1, mails + 1)]
    for number in range(kills):
        share = subjects[number * mails // kills : (number + 1) * mails // kills]
        lab.mail(address, *(made_up(address, subject) for subject in share))
        time.sleep(chance.uniform(0.1, 1.6))  # the moment of the kill is what is at random
        lab.host.kill()
        lab.host.start()
    lab.receiver.answer()
    lab.receiver.wait_for(mails, address, seconds=90)
    wait_for_the_end(lab, address)
    came = lab.receiver.received(address, "mail.received")
    repeated = len(came) - len(ids(came))
    return Report(mails, kills, _by_subject(came), repeated, time.monotonic() - started)


def wait_for_the_end(lab: Lab, address: str) -> None:
    """Until the account is given back and nothing of it is owed."""
    account = lab.wait_for_account(address, 40, claim="", owed=0, unfinished=0)["RowKey"]

    def settled() -> bool:
        rows = lab.rows("mailboxes", PartitionKey=account)
        return not any(row["RowKey"].startswith(("owed:", "dead:")) for row in rows)

    wait_until(settled, 20, "nothing is owed")


def _by_subject(webhooks: list[Webhook]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in webhooks:
        subject = one["body"]["data"]["subject"]
        found.setdefault(subject, set()).update(ids([one]))
    return found
