"""What the doctor finds: a line for each step, in the catalogue's words."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from shared.catalogue import ENTRIES
from shared.errors import UnseenError, place

type State = Literal["ok", "wrong", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One step. code: of the catalogue, where it is wrong. detail: what was seen."""

    step: str
    state: State
    code: str = ""
    detail: str = ""

    @property
    def view(self) -> dict[str, str]:
        """For JSON; `message` and `link` say what to do."""
        entry = ENTRIES.get(self.code)
        return {
            "step": self.step,
            "state": self.state,
            "code": self.code,
            "detail": self.detail,
            "message": entry.operator if entry else "",
            "link": entry.link if entry else "",
        }

    @property
    def line(self) -> str:
        """For a person."""
        said = self.view
        told = f"{self.code} ({self.detail})" if self.code and self.detail else self.code
        told = f"{told or self.detail} {said['message']} {said['link']}"
        return f"{self.state:<8} {self.step:<38} {' '.join(told.split())}".rstrip()


@dataclass(slots=True)
class Examination:
    """Steps taken one after the other; `tell` hears of each as soon as it is known."""

    tell: Callable[[Finding], None] = lambda finding: None
    findings: list[Finding] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Whether the step went well; `work` gives what to say of it, or raises what is wrong."""
        try:
            return self._note(Finding(name, "ok", detail=work()))
        except UnseenError as error:
            return self._note(Finding(name, "wrong", error.code, error.detail))
        except Exception as error:  # its text may quote anything
            return self._note(Finding(name, "wrong", "internal", place(error)))

    def wrong(self, name: str, code: str, detail: str) -> None:
        self._note(Finding(name, "wrong", code, detail))

    def skip(self, why: str, *names: str) -> None:
        for name in names:
            self._note(Finding(name, "skipped", detail=why))

    @property
    def is_well(self) -> bool:
        return not any(one.state == "wrong" for one in self.findings)

    def _note(self, finding: Finding) -> bool:
        self.findings.append(finding)
        self.tell(finding)
        return finding.state == "ok"
