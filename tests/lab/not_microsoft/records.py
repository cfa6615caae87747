"""What was asked of the token endpoint: fingerprints only, never a token."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Record:
    """One request. outcome: `ok` or the error that was answered."""

    grant_type: str
    username: str
    tenant: str
    client_id: str
    outcome: str
    refresh_in: str = ""
    refresh_out: str = ""
    access_out: str = ""
    time: float = field(default_factory=time.time)


class Records:
    """All requests since the last reset."""

    def __init__(self) -> None:
        self._all: list[Record] = []

    def add(self, record: Record) -> None:
        self._all.append(record)

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(record) for record in self._all]

    def reset(self) -> None:
        self._all.clear()
