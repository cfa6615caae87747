"""Backlogs: unseen mail that is fetched and parsed, and by us recorded; mails a second, memory."""

from collections.abc import Mapping, Sequence

from benchmarks.clients.job import Job, Result
from benchmarks.measures.checks import Figures, line, medians
from benchmarks.measures.clients import OURS, Client, python
from benchmarks.measures.stage import Stage

RECORDED = "unseen_record"
_WARM_UP_MAILS = 20


def side_by_side(
    stage: Stage,
    clients: Mapping[str, Client],
    *,
    rtts_ms: Sequence[float],
    mails: int,
    rounds: int,
) -> list[Figures]:
    """A line of figures for each client and distance, ours also with all mail recorded."""
    mailboxes = [stage.backlog(count) for count in (0, _WARM_UP_MAILS, mails)]
    found = []
    for rtt_ms in rtts_ms:
        results: dict[str, list[Result]] = {}
        for _ in range(rounds):
            for name, client in clients.items():
                job = Job("backlog", stage.port, mailboxes)
                result = stage.place(rtt_ms).result(client.command, job)
                results.setdefault(name, []).append(result)
                if name == OURS:
                    results.setdefault(RECORDED, []).append(_recorded(stage, rtt_ms, mails))
        for name, ran in results.items():
            found.append({"client": name, "rtt_ms": rtt_ms} | medians(ran))
            print(line(found[-1]), flush=True)
    return found


def _recorded(stage: Stage, rtt_ms: float, mails: int) -> Result:
    """Into new accounts each time: what is recorded is not found again."""
    counts = (0, _WARM_UP_MAILS, mails)
    accounts = [stage.account_with_backlog(count).id for count in counts]
    job = Job("backlog", stage.port, [], accounts=accounts)
    return stage.app_place(rtt_ms).result(python(RECORDED), job)
