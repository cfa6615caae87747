"""A run as a chart in SVG: bars, a panel for each thing that clients differ in."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.measures.backlogs import RECORDED
from benchmarks.measures.checks import Figures
from benchmarks.measures.clients import OURS
from benchmarks.measures.targets import LARGE

_WIDTH, _NAMES, _VALUES = 720, 130, 60
_BAR, _STEP, _HEAD = 16, 22, 40
_OURS, _OTHERS = "#0b6e4f", "#9aa5b1"


@dataclass(frozen=True)
class Panel:
    """title: with the unit, and which way is better."""

    title: str
    values: dict[str, float]
    digits: int


def svg(run: Figures) -> str:
    """The chart as a document that stands alone."""
    top, parts = 0, []
    for panel in _panels(run):
        parts.append(_drawn(panel, top))
        top += _HEAD + _STEP * len(panel.values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 10}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _panels(run: Figures) -> list[Panel]:
    checks = [r for r in run["checks"] if (r["server"], r["rtt_ms"]) == (LARGE, 0)]
    few = [row for row in checks if row["at_once"] == 1]
    far = [row for row in run["checks"] if row["rtt_ms"]]
    most = max((row["at_once"] for row in far), default=0)
    many = [row for row in far if row["at_once"] == most]
    head = f"Idle checks a second, {most} at once, far away (more is better)"
    backlogs = [row for row in run["backlogs"] if row["rtt_ms"] == 0]
    panels = [
        Panel("Idle check: CPU ms (less is better)", _of(few, "cpu_ms"), 2),
        Panel("Idle check: round trips (less is better)", run["round_trips"], 0),
        Panel(head, _of(many, "per_second"), 0),
        Panel("Backlog: mails a second (more is better)", _of(backlogs, "per_second"), 0),
    ]
    return [panel for panel in panels if panel.values]


def _of(rows: Sequence[Figures], name: str) -> dict[str, float]:
    return {row["client"]: row[name] for row in rows}


def _drawn(panel: Panel, top: int) -> str:
    scale = (_WIDTH - _NAMES - _VALUES) / max(panel.values.values())
    parts = [f'<text x="10" y="{top + 25}" font-weight="bold">{escape(panel.title)}</text>']
    for number, (name, value) in enumerate(panel.values.items()):
        y, length = top + _HEAD + number * _STEP, value * scale
        color = _OURS if name in {OURS, RECORDED} else _OTHERS
        label = name.replace(RECORDED, f"{OURS}, recorded")
        parts += [
            f'<text x="{_NAMES - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{color}"/>',
            f'<text x="{_NAMES + length + 6:.1f}" y="{y + 12}">{value:.{panel.digits}f}</text>',
        ]
    return "".join(parts)
