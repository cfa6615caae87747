"""What a deployment reaches first, and how it is kept within what the platform allows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measures.bills import CORES
from benchmarks.scale.measured import Measured
from benchmarks.scale.model import Deployment, Load, load
from benchmarks.scale.sourced import Numbers

# A plan leaves this much of each limit unused.
_ROOM = 0.8
_SHARDS = (1, 16, 64)
_DEPLOYMENTS = (1, 2, 3, 4, 5, 8, 10, 20, 25, 50)


@dataclass(frozen=True)
class Limit:
    """use: what a load takes of it, in the number's unit. key: of platform.json."""

    what: str
    key: str
    use: Callable[[Load, Deployment], float]
    then: str


@dataclass(frozen=True)
class Use:
    """How much of a limit is used; 1 is all of it."""

    limit: Limit
    share: float


def _requests(found: Load, _: Deployment) -> float:
    return (
        found.table_requests + found.queue_requests + found.lease_requests + found.blob_writes
    ) / 60


LIMITS = (
    Limit(
        "the timer's minute",
        "tick_seconds",
        lambda found, _: found.timer_seconds,
        "a longer `CHECK_INTERVAL_SECONDS`, instances of 2048 MB, several deployments",
    ),
    Limit(
        "a partition of `accounts`",
        "partition_entities",
        lambda found, _: found.partition,
        "`SHARDS=16`",
    ),
    Limit(
        "instances",
        "instances",
        lambda found, _: found.instances,
        "`maximumInstanceCount` up to 1000",
    ),
    Limit(
        "cores of the region",
        "region_cores",
        lambda found, one: found.instances * CORES[one.gb],
        "a larger quota from support, another region",
    ),
    Limit("the storage account", "account_requests", _requests, "several deployments"),
    Limit(
        "the queue",
        "queue_messages",
        lambda found, _: found.queue_requests / 60,
        "several deployments",
    ),
)


def uses(one: Deployment, found: Load, platform: Numbers) -> list[Use]:
    """Of each limit, in the order of `LIMITS`."""
    return [Use(limit, limit.use(found, one) / platform[limit.key].amount) for limit in LIMITS]


def binding(used: list[Use]) -> Use:
    """The one that is reached first when the deployment grows."""
    return max(used, key=lambda use: use.share)


def fits(one: Deployment, found: Load, platform: Numbers) -> bool:
    """Whether each limit has room left."""
    return all(use.share <= _ROOM for use in uses(one, found, platform))


def plan(
    mailboxes: int, interval: float, measured: Mapping[float, Measured], platform: Numbers
) -> Deployment | None:
    """The simplest way that leaves room in each limit; None where none that is tried does.

    Fewest deployments, then the smallest instances, then the fewest shards.
    """
    for deployments in _DEPLOYMENTS:
        for gb in sorted(CORES):
            for shards in _SHARDS:
                one = Deployment(mailboxes, interval, shards, gb, deployments)
                if fits(one.each, load(one.each, measured[gb], platform), platform):
                    return one
    return None
