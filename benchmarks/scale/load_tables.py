"""The tables of what mailboxes take, where that reaches a limit, and how true the model is."""

from collections.abc import Sequence

from benchmarks.measures.bills import CORES
from benchmarks.measures.checks import Figures
from benchmarks.measures.report import table
from benchmarks.measures.targets import row
from benchmarks.scale import limits
from benchmarks.scale.held import NEAR, Held, held
from benchmarks.scale.model import MINUTES_A_MONTH, Deployment, Load
from benchmarks.scale.shown import amount, dollars, minutes
from benchmarks.scale.source import Source

_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
_INTERVALS = (1.0, 5.0)


def loads(source: Source) -> str:
    heads = (
        *("mailboxes", "executions a month", "GB-seconds a month", "table requests a month"),
        *("queue and blob requests a month", "instances", "the timer's run, s"),
        *("mail → webhook, s: median / longest", "reached first"),
    )
    mails = source.platform["mails_a_day"].amount
    return (
        "One deployment with `SHARDS=1`, instances of 512 MB and a check each minute; "
        f"{mails:g} mails a day in each mailbox.\n\n"
        + table(heads, [_load_row(source, mailboxes) for mailboxes in _SIZES])
    )


def _load_row(source: Source, mailboxes: int) -> Sequence[str]:
    one = Deployment(mailboxes)
    found = source.load(one)
    used = limits.binding(limits.uses(one, found, source.platform))
    others = found.queue_requests + found.lease_requests + found.blob_writes
    return (
        f"{mailboxes:,}",
        f"{found.executions * MINUTES_A_MONTH:,.0f}",
        f"{found.gb_seconds_a_month(one.gb):,.0f}",
        f"{found.table_requests * MINUTES_A_MONTH:,.0f}",
        f"{others * MINUTES_A_MONTH:,.0f}",
        f"{found.instances:,}",
        f"{found.timer_seconds:.1f}",
        _lag(found),
        f"{used.limit.what}: {_share(used.share)}",
    )


def _lag(found: Load) -> str:
    return f"{found.median_seconds:.0f} / {found.last_seconds:.0f}"


def _share(share: float) -> str:
    text = f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"
    return f"**{text}**" if share > 1 else text


def limits_used(source: Source) -> str:
    heads = ("limit", "amount", *(f"{size:,}" for size in _SIZES), "then")
    loads = [(one, source.load(one)) for one in map(Deployment, _SIZES)]
    rows = [
        (
            limit.what,
            f"[{amount(source.platform[limit.key])}]({source.platform[limit.key].source})",
            *(
                _share(limits.uses(one, found, source.platform)[place].share)
                for one, found in loads
            ),
            limit.then,
        )
        for place, limit in enumerate(limits.LIMITS)
    ]
    return table(heads, rows)


def plans(source: Source) -> str:
    heads = (
        *("mailboxes", "checked each", "deployments", "`SHARDS`", "instances"),
        *("mail → webhook, s", "$ a month"),
    )
    ways = [source.plan(mailboxes, interval) for mailboxes in _SIZES for interval in _INTERVALS]
    return table(heads, [_plan_row(source, way) for way in ways if way])


def _plan_row(source: Source, one: Deployment) -> Sequence[str]:
    found = source.load(one.each)
    each = " each" if one.deployments > 1 else ""
    return (
        f"{one.mailboxes:,}",
        minutes(one.interval_minutes),
        f"{one.deployments}",
        f"{one.shards}",
        f"{found.instances} of {one.gb * 1024:.0f} MB{each}",
        _lag(found),
        dollars(source.bill(one).total),
    )


def held_against(source: Source) -> str:
    heads = ("", "", "model", "run", "off by")
    rows = [
        (
            f"{CORES[gb]:g} core, {gb * 1024:.0f} MB",
            one.what,
            one.shown.format(one.model),
            one.shown.format(one.run),
            _off(one) if one.is_near else f"**{_off(one)}**",
        )
        for gb in sorted(CORES, reverse=True)
        for one in held(
            row(source.besides["crowd"], cores=CORES[gb]),
            source.beside_the_crowd(gb),
        )
    ]
    return _run(source.besides) + "\n\n" + table(heads, rows)


def _off(one: Held) -> str:
    return f"{round(one.off, 2) + 0:+.0%}"  # so that it is never -0 %


def _run(besides: Figures) -> str:
    crowd, about = besides["crowd"][0], besides["machine"]
    late = sum(sum(one["late"]) for one in besides["crowd"])
    loads = " and ".join(f"{one['load']:.1f}" for one in besides["crowd"])
    return (
        f"**{besides['at'][:10]}**, {about['cpu']}, {about['cores']} cores: {crowd['mailboxes']:,} "
        f"mailboxes on one host, {crowd['minutes']} minutes each time, {crowd['mails_a_minute']} "
        f"mails a minute; {late} checks missed their minute. Load average {loads}, of the run's own"
        f" servers and whoever else was there. What is off by more than {NEAR:.0%} is set in bold."
        f"{besides['note']}"
    )


def extra(source: Source) -> str:
    often = source.platform
    found = source.besides["extra"]
    rows = [
        (label, f"{found[name]['cpu_ms']:.1f}", f"{found[name]['table_requests']:.1f}", how_often)
        for label, name, how_often in (
            ("a token renewed", "renewal", f"every {amount(often['token_minutes'])}"),
            ("an outbox read", "reading", "every hour"),
            ("a mail read and delivered", "mail", f"{often['mails_a_day'].amount:g} a day (input)"),
        )
    ]
    return table(("", "ms of CPU", "table requests", "in each mailbox"), rows)
