"""The measured figures that the model is made of, for one size of instance."""

import itertools
from dataclasses import dataclass

from benchmarks.measures import bills
from benchmarks.measures.checks import Figures
from benchmarks.measures.targets import row


@dataclass(frozen=True)
class Extra:
    """What comes on top of an idle check: CPU of a whole core, requests to the tables."""

    cpu_ms: float
    table_requests: float


@dataclass(frozen=True)
class Measured:
    """executions: seconds by mailboxes of a batch, on the instance's share of a core.

    enqueue_seconds: of the timer, for each batch, as if all of it were CPU. A tick asks
    `tick_requests` of the tables, each batch `batch_requests`, and one more where its tokens are
    not in the process' memory. idle_bytes: logged of a tick and a batch; mail_bytes: of a mail.
    sent_bytes: by a check.
    """

    gb: float
    cores: float
    executions: tuple[tuple[int, float], ...]
    cpu_ms: float
    enqueue_seconds: float
    tick_requests: float
    batch_requests: float
    renewal: Extra
    reading: Extra
    mail: Extra
    host_cores: float
    idle_bytes: float
    mail_bytes: float
    sent_bytes: float

    @property
    def batch(self) -> int:
        return self.executions[-1][0]

    def seconds(self, mailboxes: float) -> float:
        """Of an execution with so many idle mailboxes, between the sizes that were measured."""
        least, most = self.executions[0], self.executions[-1]
        inside = min(max(mailboxes, least[0]), most[0])
        for (fewer, short), (more, long) in itertools.pairwise(self.executions):
            if inside <= more:
                return short + (long - short) * (inside - fewer) / (more - fewer)
        return most[1]


# Beside a batch's claim, reading and giving back, a tick scans and writes its heartbeat.
_TICK_REQUESTS = 2


def measured(benchmark: Figures, besides: Figures, gb: float) -> Measured:
    """From docs/performance.json and docs/scale.json.

    Raises LookupError where the benchmark ran without sections `batches` or `tends`.
    """
    rows = [one for one in benchmark["batches"] if one["gb"] == gb]
    side_by_side = {r["mailboxes"]: r for r in rows if r["mailboxes"] == r["threads"]}
    if not side_by_side:
        raise LookupError(f"docs/performance.json has no batches of {gb} GB")
    cores = bills.CORES[gb]
    crowd = row(besides["crowd"], cores=cores)
    full = side_by_side[max(side_by_side)]
    tend = row(benchmark["tends"], how="batch", rtt_ms=full["rtt_ms"])
    return Measured(
        gb=gb,
        cores=cores,
        executions=tuple((n, side_by_side[n]["execution_seconds"]) for n in sorted(side_by_side)),
        cpu_ms=full["cpu_ms"],
        enqueue_seconds=tend["enqueue_seconds"] / cores,
        tick_requests=_TICK_REQUESTS,
        batch_requests=benchmark["table_requests"]["warm"] - _TICK_REQUESTS,
        **{name: Extra(**one) for name, one in besides["extra"].items()},
        host_cores=besides["host_cores"],
        idle_bytes=crowd["idle_log_bytes"] / crowd["executions"],
        mail_bytes=crowd["mail_log_bytes"] / max(crowd["mails_a_minute"], 1),
        sent_bytes=besides["check_bytes"]["sent"],
    )
