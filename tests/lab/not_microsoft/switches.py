"""What a test can make go wrong: answers to come, and lies in the next id_token."""

from dataclasses import dataclass, field
from typing import Any

ERRORS: dict[str, tuple[int, str, int]] = {
    "invalid_grant": (400, "invalid_grant", 700082),
    "interaction_required": (400, "interaction_required", 50076),
    "consent_required": (400, "consent_required", 65001),
    "policy": (400, "interaction_required", 53003),
    "secret_expired": (401, "invalid_client", 7000222),
    "temporarily_unavailable": (400, "temporarily_unavailable", 90033),
}
KINDS = {*ERRORS, "status", "html", "cut_json", "timeout", "drop", "lost_answer", "error"}
ENDPOINTS = {"token", "discovery", "introspect", "authorize"}


@dataclass
class Fault:
    """One answer to come. kind: of KINDS; for_username: '' for anybody's request."""

    kind: str
    status: int = 500
    retry_after: int = 0
    seconds: float = 30
    error: str = ""
    code: int = 0
    for_username: str = ""


@dataclass
class Switches:
    """Everything that is not as it should be, in memory only."""

    faults: dict[str, list[Fault]] = field(default_factory=dict)
    id_token: dict[str, Any] = field(default_factory=dict)
    granted_scopes: list[str] | None = None

    def add(self, endpoint: str, fault: Fault) -> None:
        if endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint: one of {sorted(ENDPOINTS)}")
        if fault.kind not in KINDS:
            raise ValueError(f"kind: one of {sorted(KINDS)}")
        self.faults.setdefault(endpoint, []).append(fault)

    def take(self, endpoint: str, username: str = "") -> Fault | None:
        """The next fault that is meant for this request; it is used up."""
        waiting = self.faults.get(endpoint, [])
        for fault in waiting:
            if fault.for_username.casefold() in {"", username.casefold()}:
                waiting.remove(fault)
                return fault
        return None

    def take_id_token_lies(self) -> dict[str, Any]:
        lies, self.id_token = self.id_token, {}
        return lies
