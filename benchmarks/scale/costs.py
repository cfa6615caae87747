"""Money a month: ours line by line, and what others take."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.scale.model import MINUTES_A_MONTH, Deployment, Load
from benchmarks.scale.sourced import Numbers

_TEN_THOUSAND = 10_000
_MILLION = 1_000_000
_BYTES_OF_A_GB = 1e9
_FEW_MAILBOXES = 100


@dataclass(frozen=True)
class Bill:
    """lines: dollars by what they are for, without what the way to the mail server may cost."""

    lines: Mapping[str, float]
    egress: float

    @property
    def total(self) -> float:
        return sum(self.lines.values())


def ours(one: Deployment, found: Load, prices: Numbers, platform: Numbers) -> Bill:
    """Of all its deployments in one subscription, so that what is free is free once."""

    def a_month(of_a_minute: float) -> float:
        return of_a_minute * MINUTES_A_MONTH * one.deployments

    def beyond(amount: float, free: str) -> float:
        return max(amount - prices[free].amount, 0)

    def requests(of_a_minute: float, price: str) -> float:
        return a_month(of_a_minute) / _TEN_THOUSAND * prices[price].amount

    gb_seconds = a_month(found.billed_seconds * one.gb)
    executions = a_month(found.executions)
    log_gb = a_month(found.log_bytes) / _BYTES_OF_A_GB
    stored_gb = one.mailboxes * platform["mailbox_bytes"].amount / _BYTES_OF_A_GB
    alerts = prices["alert_rules"].amount * prices["alert_rule"].amount * one.deployments
    return Bill(
        {
            "GB-seconds": beyond(gb_seconds, "free_gb_seconds") * prices["gb_second"].amount,
            "executions": beyond(executions, "free_executions")
            / _MILLION
            * prices["million_executions"].amount,
            "tables": requests(found.table_requests, "table_requests")
            + stored_gb * prices["table_gb"].amount,
            "queues": requests(found.queue_requests, "queue_requests"),
            "leases and timer state": requests(found.lease_requests, "blob_requests")
            + requests(found.blob_writes, "blob_writes"),
            "logs": beyond(log_gb, "free_log_gb") * prices["log_gb"].amount,
            "alerts": alerts,
        },
        beyond(a_month(found.sent_bytes) / _BYTES_OF_A_GB, "free_egress_gb")
        * prices["egress_gb"].amount,
    )


def emailengine(mailboxes: int, prices: Numbers) -> float:
    """The licence, and servers with Redis on them; a small one for a few mailboxes."""
    licence = prices["emailengine_year"].amount / 12
    if mailboxes <= _FEW_MAILBOXES:
        return licence + prices["small_server_month"].amount
    servers = math.ceil(mailboxes / prices["emailengine_mailboxes"].amount)
    return licence + servers * prices["server_month"].amount


def nylas(mailboxes: int, prices: Numbers) -> float:
    more = max(mailboxes - prices["nylas_included"].amount, 0)
    return prices["nylas_base"].amount + more * prices["nylas_account"].amount
