"""Mail that arrives while the host is killed again and again, and what came of it."""

import random
import time
from dataclasses import dataclass

from .lab import Lab
from .mails import made_up
from .told import Told
from .waiting import wait_until


@dataclass(frozen=True)
class Report:
    """What a run showed."""

    told: Told
    kills: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kills} kills, {self.told} ({self.seconds:.0f} s)"


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
    told = Told(mails)
    for one in lab.receiver.received(address, "mail.received"):
        told.add(one)
    return Report(told, kills, time.monotonic() - started)


def wait_for_the_end(lab: Lab, address: str) -> None:
    """Until the account is given back and nothing of it is owed."""
    account = lab.wait_for_account(address, 40, claim="", owed=0, unfinished=0)["RowKey"]

    def settled() -> bool:
        rows = lab.rows("mailboxes", PartitionKey=account)
        return not any(row["RowKey"].startswith(("owed:", "dead:")) for row in rows)

    wait_until(settled, 20, "nothing is owed")
