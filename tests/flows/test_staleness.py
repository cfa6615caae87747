"""A mailbox counts as active and hangs: health finds and names it, the doctor says where."""

from shared import doctor, instants
from tests.conftest import StartApp
from tests.lab.clock import Clock
from tests.lab.imap_proxy import ImapProxy, silent
from tests.lab.stepped_app import SteppedApp


def status(app: SteppedApp) -> str:
    """As a new process sees it, which has nothing cached."""
    app.parts.built.pop("health", None)
    return app.parts.health.report(app.parts.now())["status"]


def test_f18_a_mailbox_that_hangs_is_found_within_three_intervals(
    start_app: StartApp, proxy: ImapProxy, address: str
) -> None:
    clock = Clock(instants.now().replace(microsecond=0))
    host = f"localhost:{proxy.port}"
    app = start_app(IMAP_HOST=host, CHECK_INTERVAL_SECONDS="60", clock=clock)
    well, hangs = app.settled(f"well.{address}"), app.settled(address)
    app.tick()
    assert status(app) == "ok"
    read_at = app.account(hangs.id).last_success_at

    proxy.on("STATUS", silent, user=address)
    clock.forward(60)
    app.tick()
    assert status(app) == "ok"
    clock.forward(60)
    app.tick()
    assert status(app) == "ok"
    clock.forward(60)
    app.parts.enqueue.enqueue(clock())
    assert status(app) == "degraded"
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
