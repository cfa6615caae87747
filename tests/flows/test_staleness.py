"""A mailbox counts as active and hangs: health finds and names it, the doctor says where."""

from shared import doctor
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.imap_proxy import ImapProxy, silent


def test_f18_a_mailbox_that_hangs_is_found_within_three_intervals(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    clock = Clock()
    host = f"localhost:{proxy.port}"
    app = start_app(IMAP_HOST=host, CHECK_INTERVAL_SECONDS="60", clock=clock)
    well, hangs = app.settled(f"well.{address}"), app.settled(address)
    app.tick()
    assert app.health() == "ok"
    read_at = app.account(hangs.id).last_success_at

    proxy.on("STATUS", silent, user=address)
    clock.later(60)
    app.tick()
    assert app.health() == "ok"
    clock.later(60)
    app.tick()
    assert app.health() == "ok"
    clock.later(60)
    app.parts.enqueue.enqueue(clock())
    assert app.health() == "degraded"
    details = app.parts.health_details.report(clock())
    print("\n", details["problems"], details["stale"])
    assert details["stale"] == {
        "count": 1,
        "accounts": [{"id": hangs.id, "last_success_at": read_at}],
    }
    assert app.account(well.id).failures == 0

    found = doctor.examine(app.environment, hangs.id, lambda one: print(one.line))
    wrong = [(one.step, one.code) for one in found.findings if one.state == "wrong"]
    assert wrong == [("STATUS", "imap_unavailable")]
