"""docs/scale.md: its words stay, its tables are made of the files that lie beside it."""

import json
from collections.abc import Callable

from benchmarks.measures.made_parts import replaced
from benchmarks.scale import cost_tables, load_tables, sourced
from benchmarks.scale.source import Source
from tests.lab.processes import ROOT

PAGE = ROOT / "docs/scale.md"
FIGURES = PAGE.with_suffix(".json")
_BENCHMARK = ROOT / "docs/performance.json"
_END = "<!-- made: the end -->\n"
_PARTS: dict[str, Callable[[Source], str]] = {
    "loads": load_tables.loads,
    "extra": load_tables.extra,
    "limits": load_tables.limits_used,
    "plans": load_tables.plans,
    "held": load_tables.held_against,
    "totals": cost_tables.totals,
    "lines": cost_tables.lines,
    "others": cost_tables.others,
    "numbers": cost_tables.numbers,
}


def write() -> None:
    """Puts the tables into the page; raises ValueError where a mark is missing."""
    PAGE.write_text(made(PAGE.read_text()))


def is_current() -> bool:
    """Whether the page shows what its files say."""
    return made(PAGE.read_text()) == PAGE.read_text()


def made(page: str) -> str:
    source = read()
    for name, part in _PARTS.items():
        page = replaced(page, f"<!-- made: {name} -->\n", _END, part(source) + "\n")
    return page


def read() -> Source:
    """What lies beside the page."""
    benchmark, besides = (json.loads(file.read_text()) for file in (_BENCHMARK, FIGURES))
    return Source(benchmark, besides, sourced.read("platform"), sourced.read("prices"))
