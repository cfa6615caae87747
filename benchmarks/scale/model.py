"""What a deployment does in a minute, by arithmetic: each term a function, all of it a `Load`.

A model: mailboxes are spread evenly over shards and ticks, mail over mailboxes and day; storage is
as quick as it was in the lab; all batches of a shard are full but the last.
"""

import math
from dataclasses import dataclass, replace

from benchmarks.measures.bills import billed_seconds
from benchmarks.scale.measured import Extra, Measured
from benchmarks.scale.sourced import Numbers

MINUTES_A_MONTH = 30 * 24 * 60
_ROWS_OF_AN_ANSWER = 1000
# Of a row of `accounts` in a tick: the scan, the claim, the run's reading, and giving back.
_READS_AND_WRITES = 4
_TIMERS_READS_AND_WRITES = 2
_QUEUE_REQUESTS = 3  # put, get, delete


@dataclass(frozen=True)
class Deployment:
    """interval_minutes: between two checks of a mailbox; gb: of an instance.

    deployments: so many share the mailboxes, each with storage of its own.
    """

    mailboxes: int
    interval_minutes: float = 1
    shards: int = 1
    gb: float = 0.5
    deployments: int = 1

    @property
    def each(self) -> "Deployment":
        """One of them."""
        return replace(self, mailboxes=math.ceil(self.mailboxes / self.deployments), deployments=1)


@dataclass(frozen=True)
class Load:
    """Of one deployment. What has no other unit is for a minute; `partition` is for a second.

    median_seconds, last_seconds: from mail to webhook.
    """

    executions: float
    timer_seconds: float
    tend_seconds: float
    billed_seconds: float
    instances: int
    table_requests: float
    queue_requests: float
    lease_requests: float
    blob_writes: float
    partition: float
    log_bytes: float
    sent_bytes: float
    median_seconds: float
    last_seconds: float

    def gb_seconds_a_month(self, gb: float) -> float:
        return self.billed_seconds * gb * MINUTES_A_MONTH


def load(one: Deployment, measured: Measured, platform: Numbers) -> Load:
    """Of one deployment; raises ValueError for several."""
    if one.deployments != 1:
        raise ValueError("a load is of one deployment: see `Deployment.each`")
    mails = one.mailboxes * platform["mails_a_day"].amount / (24 * 60)
    groups = batches(one, measured.batch, platform)
    count = sum(number for number, _ in groups)
    turns = [(number, size, _tend(size, one, measured, platform)) for number, size in groups]
    busy = sum(number * seconds for number, _, seconds in turns)
    timer = timer_seconds(one, count, measured, platform)
    instances = max(1, math.ceil(busy / 60))
    longest = max(seconds for _, _, seconds in turns)
    median, last = waits(one, timer, longest, platform)
    return Load(
        executions=1 + count,
        timer_seconds=timer,
        tend_seconds=longest,
        billed_seconds=billed_seconds(timer)
        + sum(number * billed_seconds(seconds) for number, _, seconds in turns),
        instances=instances,
        table_requests=table_requests(one, count, instances, measured, platform),
        queue_requests=count * _QUEUE_REQUESTS
        + instances * 60 / platform["poll_seconds"].amount
        + platform["controller_polls"].amount,
        lease_requests=(1 + instances) * platform["lease_renewals"].amount,
        blob_writes=platform["schedule_writes"].amount,
        partition=due(one, platform) * _READS_AND_WRITES / 60 / one.shards,
        log_bytes=log_bytes(1 + count, mails, measured, platform),
        sent_bytes=one.mailboxes / one.interval_minutes * measured.sent_bytes,
        median_seconds=median,
        last_seconds=last,
    )


def due(one: Deployment, platform: Numbers) -> float:
    """Mailboxes that a tick finds due.

    Where checks are seldom, tokens and outboxes come due in ticks of their own.
    """
    checks = 1 / one.interval_minutes
    others = 1 / platform["token_minutes"].amount + 1 / 60
    return one.mailboxes * (checks + (1 - checks) * others)


def batches(one: Deployment, batch: int, platform: Numbers) -> list[tuple[float, float]]:
    """How many a tick has, and of how many mailboxes: the full ones, and each shard's last."""
    of_a_shard = due(one, platform) / one.shards
    if of_a_shard < 1:
        return [(of_a_shard * one.shards, 1)]
    full, rest = divmod(of_a_shard, batch)
    groups = [(full * one.shards, float(batch)), (float(one.shards), rest)]
    return [(number, size) for number, size in groups if number and size >= 0.5] or groups[:1]


def extra_seconds(one: Deployment, measured: Measured, platform: Numbers) -> float:
    """Of a whole core in a minute, for tokens, outboxes and mail."""
    return sum(
        one.mailboxes * rate * extra.cpu_ms / 1000 for rate, extra in _rates(measured, platform)
    )


def _rates(measured: Measured, platform: Numbers) -> list[tuple[float, Extra]]:
    """How often a minute each comes up in a mailbox."""
    return [
        (1 / platform["token_minutes"].amount, measured.renewal),
        (1 / 60, measured.reading),
        (platform["mails_a_day"].amount / (24 * 60), measured.mail),
    ]


def _tend(size: float, one: Deployment, measured: Measured, platform: Numbers) -> float:
    """Seconds of an execution: as measured, and the CPU of what comes up on its share of a core."""
    extra = extra_seconds(one, measured, platform) * size / due(one, platform)
    return measured.seconds(size) + extra / measured.cores


def timer_seconds(one: Deployment, count: float, measured: Measured, platform: Numbers) -> float:
    """Of the timer's run: batch after batch, shard after shard, no quicker than a partition is."""
    rows = due(one, platform) * _TIMERS_READS_AND_WRITES
    return max(count * measured.enqueue_seconds, rows / platform["partition_entities"].amount)


def table_requests(
    one: Deployment, count: float, instances: int, measured: Measured, platform: Numbers
) -> float:
    """Ticks, batches, and what comes up.

    Where several instances run, none remembers all tokens. A batch with mail reads the endpoints.
    """
    pages = math.ceil(max(due(one, platform) / one.shards, 1) / _ROWS_OF_AN_ANSWER) * one.shards
    tick = measured.tick_requests - 1 + pages
    batch = measured.batch_requests + (instances > 1)
    others = sum(
        one.mailboxes * rate * extra.table_requests for rate, extra in _rates(measured, platform)
    )
    mails = one.mailboxes * platform["mails_a_day"].amount / (24 * 60)
    return tick + count * batch + min(count, mails) + others


def log_bytes(executions: float, mails: float, measured: Measured, platform: Numbers) -> float:
    """Ingested: our lines and the host's items, each with what is billed besides the line."""
    host = platform["host_log_items"].amount * platform["log_item_bytes"].amount
    ours = measured.idle_bytes + 2 * platform["log_item_bytes"].amount
    mail = measured.mail_bytes + 2 * platform["log_item_bytes"].amount
    return executions * (host + ours) + mails * mail


def waits(one: Deployment, timer: float, tend: float, platform: Numbers) -> tuple[float, float]:
    """Seconds from mail to webhook, the median and the longest.

    A mailbox has the same place in each tick, so mail waits for up to an interval, wherever that
    place is. What a timer can't claim within its minute waits for the next one.
    """
    tick = platform["tick_seconds"].amount
    interval = max(one.interval_minutes * 60, math.ceil(timer / tick) * tick)
    return interval / 2 + tend / 2, interval + tend
