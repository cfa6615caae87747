"""All that the tables are made of: what was measured, and the numbers of others."""

from dataclasses import dataclass
from functools import cached_property

from benchmarks.measures.bills import CORES
from benchmarks.measures.checks import Figures
from benchmarks.scale import costs, limits
from benchmarks.scale.costs import Bill
from benchmarks.scale.measured import Measured, measured
from benchmarks.scale.model import Deployment, Load, load
from benchmarks.scale.sourced import Numbers


@dataclass(frozen=True)
class Source:
    """benchmark, besides: docs/performance.json and docs/scale.json; the rest: see `sourced`."""

    benchmark: Figures
    besides: Figures
    platform: Numbers
    prices: Numbers

    @cached_property
    def by_gb(self) -> dict[float, Measured]:
        """What was measured, by the memory of an instance."""
        return {gb: measured(self.benchmark, self.besides, gb) for gb in CORES}

    def beside_the_crowd(self, gb: float) -> Measured:
        """The same, with batches that were measured on the machine of the crowd."""
        own = {"batches": self.besides["batches"]}
        return measured(self.benchmark | own, self.besides, gb)

    def load(self, one: Deployment) -> Load:
        return load(one, self.by_gb[one.gb], self.platform)

    def plan(self, mailboxes: int, interval: float) -> Deployment | None:
        return limits.plan(mailboxes, interval, self.by_gb, self.platform)

    def bill(self, one: Deployment) -> Bill:
        return costs.ours(one, self.load(one.each), self.prices, self.platform)
