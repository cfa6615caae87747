"""The model's row of a crowd beside the run of that crowd, on the lab's host."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.measures.checks import Figures
from benchmarks.scale.measured import Measured

# As near as the two have to be, or the page says why they are not.
NEAR = 0.3


@dataclass(frozen=True)
class Held:
    """One figure of the run; shown: how it is written."""

    what: str
    model: float
    run: float
    shown: str = "{:.2f}"

    @property
    def off(self) -> float:
        """How far the model is from the run, as a part of the run; below 0 where it is less."""
        return self.model / self.run - 1

    @property
    def is_near(self) -> bool:
        return abs(self.off) <= NEAR


def held(crowd: Figures, measured: Measured) -> Iterator[Held]:
    """Of a run without renewals, which were not due in it.

    measured: on the same machine.
    """
    mailboxes, mails = crowd["mailboxes"], crowd["mails_a_minute"]
    batches = -(-mailboxes // measured.batch)
    readings = mailboxes / 60
    extra_cpu = (readings * measured.reading.cpu_ms + mails * measured.mail.cpu_ms) / 1000
    cores = measured.host_cores + (mailboxes * measured.cpu_ms / 1000 + extra_cpu) / 60
    requests = (
        measured.tick_requests
        - 1
        + -(-mailboxes // 1000)
        + batches * measured.batch_requests
        + min(batches, mails)
        + readings * measured.reading.table_requests
        + mails * measured.mail.table_requests
    )
    tend = measured.seconds(measured.batch) + extra_cpu / measured.cores / batches
    half = 30 + tend / 2
    yield Held("cores in use", cores, crowd["used_cores"], "{:.3f}")
    yield Held("executions a minute", 1 + batches, crowd["executions"], "{:.1f}")
    yield Held("table requests a minute", requests, crowd["table_requests"], "{:.0f}")
    yield Held("seconds of an execution", tend, crowd["tend_seconds"])
    yield Held("seconds from mail to webhook, median", half, crowd["wait_median"], "{:.1f}")
    yield Held("seconds from mail to webhook, longest", 2 * half, crowd["wait_last"], "{:.1f}")
