"""Numbers of others: what the platform allows and what things cost, each with where it stands.

`found`: read in a public page, whose address and date stand beside it. What is not found is an
input: a guess of ours, to be replaced by whoever knows better.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sourced:
    """dated: of the page that was read, as far as it says; '' where it says nothing."""

    amount: float
    unit: str
    about: str
    found: bool
    dated: str
    source: str


type Numbers = Mapping[str, Sourced]


def read(name: str) -> Numbers:
    """`prices` or `platform`; raises ValueError where a number is said to be found and is not."""
    rows = json.loads((_FOLDER / f"{name}.json").read_text())
    numbers = {key: Sourced(**row) for key, row in rows.items()}
    for key, one in numbers.items():
        if one.found and not one.source.startswith("https://"):
            raise ValueError(f"{name}.json: {key} is found, and has no source")
        if one.amount <= 0:
            raise ValueError(f"{name}.json: {key} has an amount of {one.amount}")
    return numbers
