"""One mailbox with very much unseen mail, neighbours in its batch, and a host that is killed."""

import random
import statistics
import time
from dataclasses import dataclass, field

from .lab import Lab
from .mails import made_up
from .memory import peak_mb
from .receiver.client import Webhook
from .told import Told

_POLL_SECONDS = 0.5


@dataclass
class Report:
    """late: seconds that each neighbour's mail took."""

    told: Told
    kills: int = 0
    idle_mb: float = 0
    peak_mb: float = 0
    seconds: float = 0
    late: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        late = sorted(self.late) or [0.0]
        return (
            f"{self.told} in {self.seconds:.0f} s, {self.kills} kills; host {self.idle_mb:.0f} MB "
            f"idle, {self.peak_mb:.0f} MB at most; {len(self.late)} mails of neighbours after "
            f"{statistics.median(late):.1f} s (median), {late[-1]:.1f} s (last)"
        )


def work_through(
    lab: Lab,
    name: str,
    mails: int,
    kills: int,
    neighbours: int,
    chance: random.Random,
    seconds: float,
) -> Report:
    """Connects the neighbours and then the mailbox, and waits until all of its mail was received.

    The kills are spread over the backlog, each at a random moment; a neighbour at a time gets mail.
    seconds: when to give up.
    """
    told = Told(mails)
    report = Report(told)
    address = f"{name}@outlook.example"
    others = [f"{name}-{number}@outlook.example" for number in range(neighbours)]
    for number in range(mails):
        lab.mail(address, made_up(address, f"Mail {number}"))
    for other in others:
        lab.connect(other)
    for other in others:
        lab.receiver.wait_for(1, other, "mailbox.ready", 60)
    report.idle_mb = peak_mb(lab.host.pid)
    lab.receiver.forget()
    lab.connect(address)
    started = time.monotonic()
    read, put_at, asked = 0, 0.0, 0
    while told.missing or not report.late or report.kills < kills:
        time.sleep(_POLL_SECONDS)
        report.peak_mb = max(report.peak_mb, peak_mb(lab.host.pid))
        new = lab.receiver.since(read)
        read += len(new)
        for one in new:
            _note(report, one, address, f"Note {asked}", put_at)
        if len(report.late) == asked:
            asked += 1
            other = others[asked % neighbours]
            lab.mail(other, made_up(other, f"Note {asked}"))
            put_at = time.time()
        if report.kills < kills and len(told.ids) > mails * report.kills / kills:
            time.sleep(chance.uniform(0, 2))  # the moment of the kill is what is at random
            lab.host.kill()
            lab.host.start()
            report.kills += 1
        report.seconds = time.monotonic() - started
        if report.seconds > seconds:
            break
    return report


def _note(report: Report, one: Webhook, address: str, note: str, put_at: float) -> None:
    if one["body"]["type"] != "mail.received":
        return
    data = one["body"]["data"]
    if data["account"]["address"] == address:
        report.told.add(one)
    elif data["subject"] == note:
        report.late.append(time.time() - put_at)
