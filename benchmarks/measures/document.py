"""`docs/performance.md`: its words stay, the part between the marks is the latest run's."""

import json

from benchmarks.measures import chart, made_parts, report
from benchmarks.measures.checks import Figures
from tests.lab.processes import ROOT

PAGE = ROOT / "docs/performance.md"
_FIGURES, _CHART = PAGE.with_suffix(".json"), PAGE.with_suffix(".svg")
_BEGIN, _END = (
    "<!-- What follows is a run's: python -m benchmarks.engine --docs -->\n",
    "<!-- The end of it -->\n",
)


def write(run: Figures) -> None:
    """Puts the run into the page, and figures and chart beside it."""
    _FIGURES.write_text(json.dumps(run, indent=1) + "\n")
    _CHART.write_text(chart.svg(run))
    PAGE.write_text(made_parts.replaced(PAGE.read_text(), _BEGIN, _END, report.markdown(run)))


def is_current() -> bool:
    """Whether the page shows the figures that lie beside it."""
    run = json.loads(_FIGURES.read_text())
    return report.markdown(run) in PAGE.read_text() and chart.svg(run) == _CHART.read_text()
