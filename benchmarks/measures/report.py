"""A run as Markdown: the machine, the verdicts, and a table for each thing that was measured."""

from collections.abc import Iterator, Sequence

from benchmarks.measures.backlogs import RECORDED
from benchmarks.measures.batches import CHECKS
from benchmarks.measures.bills import MAILBOXES
from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import CLIENTS, OURS
from benchmarks.measures.targets import LARGE, SMALL, verdicts

_LABELS = {name: client.label for name, client in CLIENTS.items()} | {RECORDED: "ours, recorded"}
_BUSY_PERCENT = 20
SERVERS = {
    LARGE: "a server whose processes serve many logins",
    SMALL: "a server with new processes for each login, which resumes no TLS session",
}


def markdown(run: Figures) -> str:
    """All of it; what was not measured is left out, the verdicts say so."""
    parts = [_machine(run), _verdicts(run)]
    if run["checks"]:
        parts += _checks(run)
    if run["tends"]:
        parts += [_tends(run), _bills(run)]
    if run["batches"]:
        parts.append(_batches(run))
    if run["backlogs"]:
        parts.append(_backlogs(run))
    if run["cold_start"]:
        parts.append(_cold_start(run))
    return "\n\n".join(parts) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    ruler = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ruler, *rows))


def _machine(run: Figures) -> str:
    about, busy, load = run["machine"], run["busy_percent"], run["load"]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    missing = "".join(f" Not compared: {why}." for why in run["missing"].values())
    far = f" Nothing was measured from afar: {run['no_distance']}." if run["no_distance"] else ""
    if max(busy.values()) > _BUSY_PERCENT:
        far = " **The machine was busy: speeds and times are those of a part of it.**" + far
    rough = " **A quick run: its figures are rough.**" if run["quick"] else ""
    return (
        f"**{run['at'][:10]}**, {run['at'][11:16]} UTC.{rough} {about['cpu']}, {about['cores']} "
        f"cores, {about['memory_gb']} GB; {about['system']}; Python {about['python']}, OpenSSL "
        f"{about['openssl']}, Node.js {about['node']}, Dovecot {about['dovecot']}; {packages}. "
        f"Rounds: {run['rounds']}. Clients and servers share the machine. Others kept it "
        f"{busy['before']:.0f} % busy before the run and {busy['after']:.0f} % after it; "
        f"load average {load['before']:.1f} and {load['after']:.1f}.{far}{missing}"
    )


def _verdicts(run: Figures) -> str:
    rows = [(one.what, one.target, one.measured, one.word) for one in verdicts(run)]
    return "### Targets\n\n" + table(("", "target", "measured", ""), rows)


def _checks(run: Figures) -> Iterator[str]:
    cases = sorted(
        {(one["server"], one["rtt_ms"]) for one in run["checks"]},
        key=lambda case: (case[0] != LARGE, case[1]),
    )
    for server, rtt_ms in cases:
        rows = [r for r in run["checks"] if (r["server"], r["rtt_ms"]) == (server, rtt_ms)]
        yield (
            f"### Idle check, {rtt_ms:.0f} ms away\n\nAgainst {SERVERS[server]}.\n\n"
            + _check_table(run, rows)
        )


def _check_table(run: Figures, rows: Sequence[Figures]) -> str:
    many = sorted({row["at_once"] for row in rows})
    at_once = " / ".join(map(str, many))
    by_client: dict[str, list[Figures]] = {}
    for row in sorted(rows, key=lambda row: row["at_once"]):
        by_client.setdefault(row["client"], []).append(row)
    ours = by_client.get(OURS)
    lines = []
    for name, own in by_client.items():
        lines.append(
            (
                _LABELS[name],
                f"{run['round_trips'][name]}",
                _joined(f"{row['cpu_ms']:.2f}" for row in own),
                _joined(f"{a['cpu_ms'] / b['cpu_ms']:.2f}" for a, b in _pairs(own, ours)),
                _joined(f"{row['per_second']:.0f}" for row in own),
                _joined(f"{a['per_second'] / b['per_second']:.2f}" for a, b in _pairs(own, ours)),
                f"{max(row['peak_mb'] for row in own):.0f}",
                f"{sum(row['failed'] for row in own)}",
            )
        )
    heads = (
        f"at once: {at_once}",
        *("round trips", "CPU ms a check", "× ours", "checks/s", "× ours", "peak MB", "failed"),
    )
    return table(heads, lines)


def _pairs(
    own: Sequence[Figures], ours: Sequence[Figures] | None
) -> Iterator[tuple[Figures, Figures]]:
    return zip(own, ours, strict=True) if ours else iter(())


def _joined(texts: Iterator[str]) -> str:
    return " / ".join(texts)


def _tends(run: Figures) -> str:
    rows = [
        (
            f"{row['how']}, {row['rtt_ms']:.0f} ms away",
            f"{row['accounts']:.0f}",
            f"{row['cpu_ms']:.2f}",
            f"{row['enqueue_seconds'] * 1000:.0f}",
            f"{row['tend_seconds'] * 1000:.0f}",
        )
        for row in run["tends"]
    ]
    asked = run["table_requests"]
    heads = ("", "mailboxes", "CPU ms each", "ms to enqueue", "ms to tend")
    return (
        "### Whole tend\n\nIdle mailboxes found due, claimed, looked at and given back, with "
        f"storage (Azurite) near. A batch takes {asked['cold']:.0f} table requests in a new process"
        f" and {asked['warm']:.1f} later; {asked['hourly']:.1f} a tick come on top, because each "
        "mailbox's outbox is read once an hour.\n\n" + table(heads, rows)
    )


def _bills(run: Figures) -> str:
    rows = [
        (
            f"{row['way']}, {row['gb'] * 1024:.0f} MB",
            f"{row['executions']:,.0f}",
            f"{row['seconds']:.1f}",
            f"{row['gb_seconds']:,.0f}",
        )
        for row in run["bills"]
    ]
    heads = ("", "executions a month", "billed s each", "GB-seconds a month")
    return (
        f"### What {MAILBOXES:,} idle mailboxes cost, each looked at once a minute\n\n"
        f"Computed from the executions above, {run['bills'][0]['rtt_ms']:.0f} ms away.\n\n"
        + table(heads, rows)
    )


def _batches(run: Figures) -> str:
    """A line for each choice, the sizes of instances side by side."""
    sizes = sorted({row["gb"] for row in run["batches"]})
    by_choice: dict[tuple[int, int], dict[float, Figures]] = {}
    for row in run["batches"]:
        by_choice.setdefault((row["mailboxes"], row["threads"]), {})[row["gb"]] = row
    rows = [
        (
            f"{mailboxes} on {threads} threads",
            *(f"{by_gb[gb]['execution_seconds']:.2f}" for gb in sizes),
            *(f"{by_gb[gb]['slowest_seconds']:.2f}" for gb in sizes),
            *(f"{by_gb[gb]['gb_seconds']:.1f}" for gb in sizes),
        )
        for (mailboxes, threads), by_gb in by_choice.items()
    ]
    heads = (
        "mailboxes",
        *(f"{what}, {gb * 1024:.0f} MB" for what in ("s", "slowest s", "GB-s") for gb in sizes),
    )
    return (
        f"### Batches and threads\n\nGB-seconds for {CHECKS:,} checks, "
        f"{run['batches'][0]['rtt_ms']:.0f} ms away, each execution held to its instance's share "
        "of a core.\n\n" + table(heads, rows)
    )


def _backlogs(run: Figures) -> str:
    ours = {r["rtt_ms"]: r["per_second"] for r in run["backlogs"] if r["client"] == RECORDED}
    rows = [
        (
            f"{_LABELS[row['client']]}, {row['rtt_ms']:.0f} ms away",
            f"{row['per_second']:.0f}",
            f"{row['per_second'] / ours[row['rtt_ms']]:.2f}" if ours else "",
            f"{row['cpu_ms']:.2f}",
            f"{row['peak_mb']:.0f}",
            f"{row['above_idle_mb']:.0f}",
            f"{row['failed']} of {row['done']}",
        )
        for row in run["backlogs"]
    ]
    heads = (
        *("", "mails/s", "× ours, recorded", "CPU ms a mail", "peak MB", "above idle MB"),
        "could not be read",
    )
    return (
        f"### Backlog of {run['mails']} unseen mails {run['mails_origin']}\n\n"
        "Fetched and parsed on one connection; ours also recorded: encrypted, and stored with the "
        "cursor.\n\n" + table(heads, rows)
    )


def _cold_start(run: Figures) -> str:
    found = run["cold_start"]
    return (
        "### Cold start\n\nFrom the start of a process to its first answer, on Azure's worker "
        f"library and the lab's host: {found['first_answer_seconds']:.2f} s, "
        f"{found['first_answer_cpu_seconds']:.2f} s of CPU, the host's own parts included. Imports "
        f"of what is indexed take {found['indexed_cpu_ms']:.0f} ms of CPU, of all that a tend is "
        f"built of {found['imports_cpu_ms']:.0f} ms; with that built, "
        f"{found['built_cpu_ms']:.0f} ms."
    )
