"""A host's log, read for how often its functions ran and what the app wrote."""

from tests.lab.app_host import TIMER
from tests.lab.executions import TEND, Executions
from tests.lab.waiting import wait_until
from tests.mailbox import Mailbox

_LOG = """\
2026-01-31T12:00:00.101Z INFO shared.enqueue {"event": "tick", "due": 1}
2026-01-31T12:00:00.120Z INFO Function.enqueue_due_mailboxes enqueue_due_mailboxes timer ok 19 ms
2026-01-31T12:00:00.480Z WARNING functions.due {"event": "späte"}
2026-01-31T12:00:00.500Z INFO Function.tend_mailboxes tend_mailboxes queue ok 350 ms
2026-01-31T12:00:01.500Z INFO Function.tend_mailboxes tend_mailboxes queue ok 1350 ms
2026-01-31T12:00:02.500Z ERROR Function.tend_mailboxes tend_mailboxes queue failed 7 ms
2026-01-31T12:00:02.600Z INFO Host.Startup ready
"""


def test_runs_that_ended_well_are_counted_and_lines_of_the_app_are_weighed() -> None:
    found = Executions.read(_LOG)
    assert found.seconds == {TIMER: [0.019], TEND: [0.35, 1.35]}
    assert found.count == 3 and found.a_minute(30) == 6
    assert found.bytes == {"tick": 27, "späte": 19}


def test_a_real_hosts_log_is_read_so(mailbox: Mailbox) -> None:
    mailbox.put("Hello")
    log = mailbox.lab.host.log
    seen = {"tick", "batch_enqueued", "batch_tended", "delivery"}
    wait_until(lambda: seen <= set(Executions.read(log()).bytes), 30, "lines of ticks and mail")
    wait_until(lambda: {TIMER, TEND} <= set(Executions.read(log()).seconds), 30, "ends of runs")
