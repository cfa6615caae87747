"""The targets, and whether a run met them. A target that is missed is said to be missed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.measures.backlogs import RECORDED
from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import OURS

LARGE, SMALL = "large", "small"


@dataclass(frozen=True)
class Verdict:
    """measured: '' where the run did not measure it."""

    what: str
    target: str
    measured: str
    met: bool

    @property
    def word(self) -> str:
        if not self.measured:
            return "not measured"
        return "met" if self.met else "**missed**"


def verdicts(run: Figures) -> list[Verdict]:
    """Each target with what the run came to; rates and CPU with the mail server 0 ms away."""
    return [_verdict(run, *target) for target in _TARGETS]


def row(rows: list[Figures], **equal: Any) -> Figures:
    """The one with these values; raises LookupError where it was not measured."""
    for one in rows:
        if all(one[name] == value for name, value in equal.items()):
            return one
    raise LookupError(equal)


type Measure = Callable[[Figures], float]


def _verdict(
    run: Figures, what: str, sign: str, limit: float, shown: str, measure: Measure
) -> Verdict:
    target = f"{sign} {shown.format(limit)}"
    try:
        value = measure(run)
    except LookupError:
        return Verdict(what, target, "", False)
    met = {"=": value == limit, "≤": value <= limit, "≥": value >= limit}[sign]
    return Verdict(what, target, shown.format(value), met)


def _cpu_of(client: str, server: str) -> Measure:
    """Ours in relation to the client's, one check at a time."""

    def cpu_ms(run: Figures, name: str) -> float:
        found = row(run["checks"], client=name, server=server, rtt_ms=0, at_once=1)
        return float(found["cpu_ms"])

    return lambda run: cpu_ms(run, OURS) / cpu_ms(run, client)


def _mails(run: Figures, client: str) -> float:
    return float(row(run["backlogs"], client=client, rtt_ms=0)["per_second"])


def _above_idle_mb(run: Figures) -> float:
    return max(_values(run["backlogs"], RECORDED, "above_idle_mb"))


def _values(rows: list[Figures], client: str, name: str) -> Iterator[float]:
    found = [one[name] for one in rows if one["client"] == client]
    if not found:
        raise LookupError(client)
    yield from found


_TARGETS: tuple[tuple[str, str, float, str, Measure], ...] = (
    ("idle check: round trips", "=", 5, "{:.0f}", lambda run: run["round_trips"][OURS]),
    ("idle check: CPU, of imapclient's", "≤", 0.75, "{:.2f}", _cpu_of("imapclient", LARGE)),
    ("… where no TLS session is resumed", "≤", 0.75, "{:.2f}", _cpu_of("imapclient", SMALL)),
    ("idle check: CPU, of the article's way", "≤", 0.06, "{:.3f}", _cpu_of("article", LARGE)),
    ("… where no TLS session is resumed", "≤", 0.06, "{:.3f}", _cpu_of("article", SMALL)),
    (
        "whole tend: CPU a mailbox",
        "≤",
        4,
        "{:.2f} ms",
        lambda run: row(run["tends"], how="batch", rtt_ms=0)["cpu_ms"],
    ),
    (
        "whole tend: table requests a batch, new process",
        "≤",
        6,
        "{:.0f}",
        lambda run: run["table_requests"]["cold"],
    ),
    ("backlog: recorded", "≥", 350, "{:.0f} mails/s", lambda run: _mails(run, RECORDED)),
    ("backlog: fetched and parsed", "≥", 600, "{:.0f} mails/s", lambda run: _mails(run, OURS)),
    (
        "backlog: recorded, of the article's way",
        "≥",
        2,
        "{:.1f} times",
        lambda run: _mails(run, RECORDED) / _mails(run, "article"),
    ),
    ("backlog: above an idle worker", "≤", 128, "{:.0f} MB", _above_idle_mb),
    (
        "cold start: imports",
        "≤",
        400,
        "{:.0f} ms CPU",
        lambda run: run["cold_start"]["imports_cpu_ms"],
    ),
    (
        "cold start: first trigger answered",
        "≤",
        1.5,
        "{:.2f} s",
        lambda run: run["cold_start"]["first_answer_seconds"],
    ),
)
