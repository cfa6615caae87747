"""The stylesheet: readable in light and dark, and asking nobody for anything."""

import re

import pytest

from shared import dashboard_files
from shared.stylesheet import MARK, MOODS, STYLE

_LIGHT, _DARK = (
    dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6})\b", block))
    for block in re.findall(r":root\{(.*?)\}", STYLE, re.DOTALL)
)
# A text's colour and its ground.
_TEXTS = [
    *(("ink", "paper"), ("soft", "paper"), ("act", "paper"), ("ink", "tint"), ("act", "tint")),
    *(("on", "act"), ("on", "press")),
    *(("good", "good-tint"), ("note", "note-tint"), ("bad", "bad-tint")),
    # The dashboard's besides.
    *(("ink", "ground"), ("soft", "ground"), ("act", "ground"), ("soft", "tint"), ("bad", "tint")),
    *(("note", "paper"), ("bad", "paper"), ("paper", "bad"), ("paper", "ink")),
    *(("ink", "good-tint"), ("ink", "note-tint"), ("ink", "bad-tint"), ("act", "bad-tint")),
    ("act", "act-tint"),
]


def luminance(colour: str) -> float:
    """Relative luminance of a colour, as WCAG 2.2 has it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert round(contrast("#000", "#ffffff"), 2) == 21


@pytest.mark.parametrize("colours", [_LIGHT, _DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), _TEXTS)
def test_every_text_can_be_read(colours: dict[str, str], text: str, ground: str) -> None:
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [_LIGHT, _DARK], ids=["light", "dark"])
def test_a_fields_edge_can_be_seen(colours: dict[str, str]) -> None:
    assert contrast(colours["edge"], colours["paper"]) >= 3


def test_dark_has_all_the_colours_of_light() -> None:
    assert _LIGHT.keys() == _DARK.keys()
    dashboard = dashboard_files.file("dashboard.css")
    assert dashboard
    used = re.findall(r"var\(--([a-z-]+)\)", STYLE + dashboard.content.decode())
    assert set(used) == _LIGHT.keys()


def test_nothing_is_fetched() -> None:
    for text in (STYLE, MARK, *MOODS.values()):
        assert not re.search(r"url\(|@import|@font-face|href|style=|https?:", text)


def test_where_the_keyboard_is_can_be_seen() -> None:
    assert ":focus-visible{outline:3px" in STYLE
    assert "outline:0" not in STYLE and "outline:none" not in STYLE
