"""The catalogue: every code that is raised has its sentences, and every entry is of use."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import identity_errors
from shared.catalogue import ENTRIES
from shared.errors import of_account

_ROOT = Path(__file__).parents[1]
_NOT_FOR_OWNERS = {
    *("queue_message_invalid", "credentials_expire_soon", "credentials_expired"),
    *("timer_late", "accounts_stale", "clock_wrong", "python_too_old"),
}
_ERRORS = {"TryAgain", "ReconnectNeeded", "Blocked", "OperatorFault", "Rejected"}


def nodes(*folders: str) -> Iterator[ast.AST]:
    """All there is in the program's sources, the catalogue left out."""
    for file in [file for folder in folders for file in _ROOT.glob(f"{folder}/*.py")]:
        if file.name != "catalogue.py":
            yield from ast.walk(ast.parse(file.read_text()))


def raised() -> set[tuple[str, str]]:
    """The codes that the program's errors are made with, each beside its class."""
    return {
        (node.func.id, str(node.args[0].value))
        for node in nodes("shared")
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
        for node in nodes("shared", "functions")
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_that_is_raised_has_its_sentences() -> None:
    codes = {code for _, code in raised()} | set(identity_errors.NUMBERS)
    assert codes >= set(identity_errors.CLASSES)
    assert len(codes) > 20
    assert codes <= set(ENTRIES)


@pytest.mark.parametrize(("kind", "code"), sorted(raised()))
def test_an_error_does_what_the_catalogue_says(kind: str, code: str) -> None:
    """Rejected is about a request: whatever its code, no account does anything."""
    assert kind in {type(of_account(code)).__name__, "Rejected"}


def test_no_entry_is_left_over() -> None:
    assert set(ENTRIES) <= spoken()


@pytest.mark.parametrize("code", ENTRIES)
def test_an_entry_speaks_in_sentences(code: str) -> None:
    entry = ENTRIES[code]
    assert entry.operator.endswith(".")
    assert entry.owner.endswith(".") or code in _NOT_FOR_OWNERS
    assert entry.link.startswith("https://") or not entry.link


@pytest.mark.parametrize("code", ENTRIES)
def test_an_owner_is_not_told_of_our_insides(code: str) -> None:
    inside = ("AADSTS", "RETURN_URLS", "OPEN_CONNECT", "ENCRYPTION_KEYS", "AUTHORITY", "HTTP")
    assert not [word for word in inside if word in ENTRIES[code].owner]
