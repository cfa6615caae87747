"""The whole schedule of 75 hours, driven with a clock of the test's own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shared import instants
from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.mails import made_up
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

_MAIL = "mail.received"


class SinceStart(Clock):
    """A clock that says how long the test has lasted."""

    def __init__(self) -> None:
        super().__init__()
        self.start = self.at

    @property
    def hours(self) -> float:
        return (self.at - self.start).total_seconds() / 3600

    def __str__(self) -> str:
        minutes, seconds = divmod(round((self.at - self.start).total_seconds()), 60)
        return f"{minutes // 60:>3} h {minutes % 60:02} min {seconds:02} s"


class Machine:
    """An app whose ticks come exactly when something is due; keeps what its endpoints saw."""

    def __init__(self, app: SteppedApp, clock: SinceStart) -> None:
        self.app, self.clock = app, clock
        self.receiver = app.services.receiver
        self.timeline: list[str] = []
        self._seen = 0

    def endpoint(self, name: str, *types: str) -> str:
        """Makes an endpoint of the receiver's that takes these types, and gives its id."""
        url = f"{self.receiver.hook_url}/{name}"
        body = {"url": url, "event_types": list(types), "description": name}
        made: dict[str, Any] = self.app.parts.endpoint_admin.create(body)
        return str(made["id"])

    def until(self, hours: float, also: Callable[[], bool] = lambda: False) -> None:
        """Ticks whenever something is due, up to that hour or until `also` holds."""
        end = self.clock.start + timedelta(hours=hours)
        while not also():
            at = max(instants.parse(self._due_at()), self.clock.at + timedelta(seconds=1))
            if at > end:
                self.clock.at = end
                return
            self.clock.at = at
            self.app.tick(at)
            self._look()

    def _due_at(self) -> str:
        shard = ("PartitionKey", "eq", "00")
        rows = self.app.parts.tables.query("accounts", shard, select=("next_due_at",))
        return str(min(row["next_due_at"] for row in rows))

    def _look(self) -> None:
        came = [one for one in self.receiver.received() if "/hook/tm-" in one["path"]]
        for one in came[self._seen :]:
            name = one["path"].rpartition("/")[2]
            kind = one["body"]["type"]
            self.timeline.append(f"{self.clock}  {name:12} {kind:18} answered {one['answered']}")
        self._seen = len(came)

    def attempts(self, name: str) -> list[float]:
        """The hours at which the endpoint was sent something."""
        lines = [line for line in self.timeline if f" {name} " in line]
        found = []
        for line in lines:
            hours, _, minutes, _, seconds = line.split()[:5]
            found.append(int(hours) + int(minutes) / 60 + int(seconds) / 3600)
        return found


def test_the_schedule_of_75_hours(services: Services, start_app: StartApp, address: str) -> None:
    clock = SinceStart()
    services.microsoft.token_lifetime(80_000)
    app = start_app(CHECK_INTERVAL_SECONDS="86400", clock=clock)
    machine = Machine(app, clock)
    app.connected(address)
    back = machine.endpoint("tm-back", _MAIL)
    machine.endpoint("tm-down", _MAIL)
    machine.endpoint("tm-well", "endpoint.disabled")
    receiver = machine.receiver
    receiver.answer({"kind": "reset"}, path="/hook/tm-back")
    receiver.answer({"kind": "reset"}, path="/hook/tm-down")
    first = app.services.dovecot
    first.deliver(address, made_up(address, "First"))
    app.parts.enqueue.now(app.rows("accounts")[0]["RowKey"])

    machine.until(30)
    receiver.answer(path="/hook/tm-back")
    machine.until(53)  # the ninth attempt at the latest, whatever the jitter
    assert machine.attempts("tm-back")[-1] > 30

    receiver.answer(
        {"status": 429, "headers": {"Retry-After": "7200"}, "times": 1},
        {"status": 410},
        path="/hook/tm-back",
    )
    first.deliver(address, made_up(address, "Second"))
    app.parts.enqueue.now(app.rows("accounts")[0]["RowKey"])
    machine.until(85)

    print("\n" + "\n".join(machine.timeline))
    hours = machine.attempts("tm-down")
    assert len(hours) >= 10
    assert app.parts.endpoint_admin.show(back)["disabled"]["code"] == "endpoint_gone"
    assert any("endpoint.disabled" in line for line in machine.timeline)
    dead = app.parts.deliveries.page({})["deliveries"]
    assert [one["subject"] for one in dead] == ["First"]
