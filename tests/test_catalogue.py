"""The catalogue: every code that is raised has its sentences, and every entry is of use."""

import ast
from pathlib import Path

import pytest

from shared.catalogue import ENTRIES

_SHARED = Path(__file__).parents[1] / "shared"
_ERRORS = {"TryAgain", "ReconnectNeeded", "Blocked", "OperatorFault", "Rejected"}
_SOURCES = [file for file in _SHARED.glob("*.py") if file.name != "catalogue.py"]


def raised() -> set[str]:
    """The codes that the program's errors are made with."""
    return {
        str(node.args[0].value)
        for file in _SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _ERRORS
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def spoken() -> set[str]:
    """Every text in the program, a code among them wherever one is named."""
    return {
        str(node.value)
        for file in [*_SOURCES, *_SHARED.parent.glob("functions/*.py")]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_that_is_raised_has_its_sentences() -> None:
    assert len(raised()) > 20
    assert raised() <= set(ENTRIES)


def test_no_entry_is_left_over() -> None:
    assert set(ENTRIES) <= spoken()


@pytest.mark.parametrize("code", ENTRIES)
def test_an_entry_speaks_in_sentences(code: str) -> None:
    entry = ENTRIES[code]
    assert entry.operator.endswith(".")
    assert entry.owner.endswith(".") or code == "queue_message_invalid"
    assert entry.link.startswith("https://") or not entry.link


@pytest.mark.parametrize("code", ENTRIES)
def test_an_owner_is_not_told_of_our_insides(code: str) -> None:
    inside = ("AADSTS", "RETURN_URLS", "OPEN_CONNECT", "ENCRYPTION_KEYS", "AUTHORITY", "HTTP")
    assert not [word for word in inside if word in ENTRIES[code].owner]
