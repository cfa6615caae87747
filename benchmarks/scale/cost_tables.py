"""The tables of what mailboxes cost, and of where the numbers come from."""

from benchmarks.measures.report import table
from benchmarks.scale import costs
from benchmarks.scale.model import Deployment
from benchmarks.scale.shown import amount, dollars, minutes
from benchmarks.scale.source import Source
from benchmarks.scale.sourced import Sourced

_SIZES = (10, 1_000, 100_000)
_INTERVALS = (1.0, 5.0, 15.0)


def totals(source: Source) -> str:
    heads = ("mailboxes", *(f"every {minutes(one)}" for one in _INTERVALS))
    rows = [
        (
            f"{mailboxes:,}",
            *(dollars(_bill(source, mailboxes, interval).total) for interval in _INTERVALS),
        )
        for mailboxes in _SIZES
    ]
    return table(heads, rows)


def _bill(source: Source, mailboxes: int, interval: float = 1) -> costs.Bill:
    """Of the simplest way that fits."""
    return source.bill(source.plan(mailboxes, interval) or Deployment(mailboxes, interval))


def lines(source: Source) -> str:
    bills = [_bill(source, mailboxes) for mailboxes in _SIZES]
    rows = [(name, *(dollars(one.lines[name]) for one in bills)) for name in bills[0].lines]
    rows.append(("**together**", *(f"**{dollars(one.total)}**" for one in bills)))
    rows.append(("at most besides: sent to the mail server", *(dollars(b.egress) for b in bills)))
    return table(("$ a month, every minute", *(f"{size:,}" for size in _SIZES)), rows)


def others(source: Source) -> str:
    prices = source.prices
    rows = [
        (
            f"{mailboxes:,}",
            dollars(_bill(source, mailboxes).total),
            dollars(costs.emailengine(mailboxes, prices)),
            dollars(costs.nylas(mailboxes, prices)),
        )
        for mailboxes in _SIZES
    ]
    return table(("mailboxes, $ a month", "Unseen, every minute", "EmailEngine", "Nylas"), rows)


def numbers(source: Source) -> str:
    every = [*source.prices.values(), *source.platform.values()]
    rows = [
        (one.about, amount(one), _origin(one))
        for one in sorted(every, key=lambda one: not one.found)
    ]
    return table(("", "", "page, and its date"), rows)


def _origin(number: Sourced) -> str:
    if not number.found:
        return f"**input** ([an example]({number.source}))" if number.source else "**input**"
    host = number.source.split("/")[2].removeprefix("www.")
    return f"[{host}]({number.source}){', ' if number.dated else ''}{number.dated}"
