"""The app's circuit: where Microsoft refuses our own secret, nobody's token can be renewed.

It opens with the first such refusal, for all processes (row `app`/`circuit` of table `once`).
Then one refresh at a time is let through as a probe, after 30 s, 1, 2, 4, 5, 5 … minutes; the first
one that Microsoft takes our secret for closes it. A new process probes at once: it may have been
started with another secret. No account changes state meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime

from shared import instants
from shared.errors import OperatorFault, ReconnectNeeded, Stale, UnseenError
from shared.logs import Log
from shared.once import Once
from shared.tables import Row

log = Log(__name__)

_CODE = "operator_credentials"
_FIRST_PROBE_SECONDS = 30
_MAX_PROBE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to ask Microsoft; `row` is that of the circuit, `probe` whether it is open."""

    row: Row | None
    probe: bool


class AppCircuit:
    """Asked before each refresh, and told after it; safe to share between threads."""

    def __init__(self, once: Once) -> None:
        self._once = once
        self._has_asked = False

    def admit(self, now: datetime) -> Admission:
        """Leave to ask; raises the OperatorFault that opened the circuit where it has to wait."""
        row = self._once.circuit()
        if row is None or not row["probe_at"]:
            return Admission(row, probe=False)
        if self._has_asked and row["probe_at"] > instants.text(now):
            raise OperatorFault(row["code"], row["detail"])
        try:
            self._once.change_circuit(row, **_next(row["probes"], now))
        except Stale:
            raise OperatorFault(row["code"], row["detail"]) from None
        self._has_asked = True
        return Admission(row, probe=True)

    def learn(self, admission: Admission, error: UnseenError | None, now: datetime) -> None:
        """What came of it. error: what Microsoft's answer meant, None for a token."""
        self._has_asked = True
        try:
            if isinstance(error, OperatorFault) and error.code == _CODE:
                self._refused(admission, error, now)
            elif admission.probe and _took_our_secret(error):
                self._close()
        except UnseenError as failed:
            log.warning("app_circuit_not_written", error=failed)

    def _refused(self, admission: Admission, error: OperatorFault, now: datetime) -> None:
        log.error("alarm", error=error, message=error.entry.operator)
        if not admission.probe:
            opened = {"code": error.code, "detail": error.detail, "since": instants.text(now)}
            self._once.change_circuit(admission.row, **opened, **_next(0, now))

    def _close(self) -> None:
        row = self._once.circuit()
        if row and row["probe_at"]:
            self._once.change_circuit(row, probe_at="", probes=0)
            log.warning("alarm_over")


def _next(probes: int, now: datetime) -> dict[str, str | int]:
    seconds = min(_FIRST_PROBE_SECONDS << min(probes, 10), _MAX_PROBE_SECONDS)
    return {"probe_at": instants.after(now, seconds), "probes": probes + 1}


def _took_our_secret(error: UnseenError | None) -> bool:
    """A refusal that is about the account comes after our own authentication."""
    return error is None or isinstance(error, ReconnectNeeded)
