"""What infra/ declares and refers to, read from the syntax tree: for the tests of infra/.

pycep knows the syntax and no types. What only the compiler can say, the workflow asks it
(`az bicep build`).
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).parents[1] / "infra"
FILES = [INFRA / "main.bicep", *sorted(INFRA.glob("app/*.bicep"))]
_KINDS = ("parameters", "variables", "resources", "modules")
_LOADED = re.compile(r"load(?:Text|Json)Content\('([^']+)'\)")


@dataclass(frozen=True, slots=True)
class Bicep:
    """One file. text: without comments, so that what is only told of counts for nothing."""

    path: Path
    text: str
    tree: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.tree.get("parameters", {}))

    @property
    def modules(self) -> dict[str, Any]:
        return dict(self.tree.get("modules", {}))

    @property
    def resources(self) -> dict[str, Any]:
        return dict(self.tree.get("resources", {}))

    @property
    def outputs(self) -> set[str]:
        return set(self.tree.get("outputs", {}))

    @property
    def declared(self) -> set[str]:
        return {name for kind in _KINDS for name in self.tree.get(kind, {})}

    @property
    def loaded(self) -> list[Path]:
        """The files that it takes in."""
        return [self.path.parent / name for name in _LOADED.findall(self.text)]

    def uses(self, name: str) -> int:
        """How often a name stands where it is no property, no key and no text of its own."""
        values = re.sub(rf"^\s*{name}:", "", self.text, flags=re.MULTILINE)
        return len(re.findall(rf"(?<![\w.'-]){name}\b(?!')", values)) - 1  # its declaration


@functools.cache
def read(path: Path) -> Bicep:
    text = path.read_text()
    code = re.sub(r"^\s*//.*$|(?<=\s)//.*$", "", text, flags=re.MULTILINE)
    return Bicep(path, code, dict(BicepParser().parse(text=text)))


def all_files() -> list[Bicep]:
    return [read(path) for path in FILES]


def app_settings() -> set[str]:
    """Names of the settings that the function app gets."""
    function, main = read(INFRA / "app/function.bicep"), read(INFRA / "main.bicep")
    handed = main.text.partition("    settings: {")[2].partition("    }")[0]
    names = re.findall(r"^\s+([A-Z][A-Z_]+|AzureWebJobs\w+): ", function.text, re.MULTILINE)
    names += re.findall(r"\{ ([A-Z][A-Z_]+): ", function.text)
    return {*names, *re.findall(r"^\s+([A-Z_]+): ", handed, re.MULTILINE)}
