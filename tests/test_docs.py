"""The pages of docs/ hold together: links lead somewhere, lists are complete, commands exist."""

import importlib.util
import re
from datetime import timedelta
from pathlib import Path

import pytest

from shared import consents, once, outbox, results, send_keys
from shared.catalogue import ENTRIES

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    file
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "examples/**/*.md",
        "infra/**/*.md",
        ".devcontainer/*.md",
    )
    for file in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_KINDS_OF_ONCE = {once.LOGIN, once.CONSENT, once.INVITATION, once.RESULT, once.SUBMISSION}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", file.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.is_relative_to(ROOT) and target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_that_are_named_are_there(file: Path) -> None:
    text = file.read_text()
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^ *|`)make ([a-z]+)", text, re.MULTILINE)) <= verbs
    for module in re.findall(r"python -m ((?:tests|shared|benchmarks|infra)[\w.]*)", text):
        assert importlib.util.find_spec(module), module


def test_every_module_is_on_the_map() -> None:
    section = page("architecture.md").partition("## Where things are")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| (.+) \|$", section, re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows[1:]))
    assert sorted(named) == sorted(
        file.stem for file in ROOT.glob("shared/*.py") if file.stem != "__init__"
    )


def test_every_threat_that_is_named_has_tests_and_every_test_its_threat() -> None:
    tests = "".join(file.read_text() for file in ROOT.glob("tests/**/test_*.py"))
    rows = re.findall(r"^\| (T\d+(?:, T\d+)*) \|", page("security.md"), re.MULTILINE)
    named = {number for row in rows for number in re.findall(r"T(\d+)", row)}
    assert named == set(re.findall(r"def test_t(\d+)[a-z]?_", tests))


def test_what_is_stored_for_a_while_is_told_with_its_time() -> None:
    rows = re.findall(r"^\| [^|]+ \| `once` `(\w+)` \|.*\| ([^|]+) \|$", page("security.md"), re.M)
    told = dict(rows)
    assert set(told) == _KINDS_OF_ONCE
    lives = {
        once.LOGIN: once.LOGIN_LIFE,
        once.CONSENT: consents.LIFE,
        once.RESULT: results.LIFE,
        once.SUBMISSION: send_keys.LIFE,
    }
    for kind, life in lives.items():
        assert told[kind] == spoken(life)
    assert f"| {spoken(outbox.DONE_KEPT)} |" in page("security.md")


def spoken(life: timedelta) -> str:
    count, unit = (life.days, "day") if life.days else (life.seconds // 60, "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def test_the_runbook_has_what_somebody_must_do_something_about() -> None:
    text = page("operating.md")
    known = set(re.findall(r"`([a-z_]+)`", text))
    assert {
        code for code, entry in ENTRIES.items() if entry.then in ("alarm", "blocked", "reconnect")
    } <= known
    section = text.partition("## By symptom")[2].partition("\n## ")[0]
    cells = re.findall(r"^\|(?:[^|]+\|)?? ((?:`[a-z_]+`(?:, )?)+) \|", section, re.MULTILINE)
    codes = {code for cell in cells for code in re.findall(r"[a-z_]+", cell)}
    assert codes <= set(ENTRIES)
    assert len(codes) > 20
