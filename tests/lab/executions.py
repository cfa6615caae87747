"""What a host's log says of a function's runs: how many, how long, and what the app wrote."""

import json
import re
from dataclasses import dataclass, field
from typing import Self

TEND = "tend_mailboxes"
_RUN = re.compile(r" INFO Function\.(\w+) \1 \w+ ok (\d+) ms$", re.MULTILINE)
_LINE = re.compile(r" [A-Z]+ (?:shared|functions)\.\w+ (\{.*\})$", re.MULTILINE)


@dataclass
class Executions:
    """seconds: of each run that ended well, by function. bytes: what the app logged, by event."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, log: str) -> Self:
        found = cls()
        for name, milliseconds in _RUN.findall(log):
            found.seconds.setdefault(name, []).append(int(milliseconds) / 1000)
        for line in _LINE.findall(log):
            event = json.loads(line)["event"]
            found.bytes[event] = found.bytes.get(event, 0) + len(line.encode())
        return found

    @property
    def count(self) -> int:
        return sum(len(runs) for runs in self.seconds.values())

    def a_minute(self, seconds: float) -> float:
        return self.count * 60 / seconds
