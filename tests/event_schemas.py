"""The schemas and the page of docs/events, for tests of what is sent."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

type Body = dict[str, Any]

_DOCS = Path(__file__).parents[1] / "docs"
PAGE = (_DOCS / "events.md").read_text()
SCHEMAS: dict[str, Any] = {
    file.stem: json.loads(file.read_text()) for file in sorted((_DOCS / "events").glob("*.json"))
}
KINDS = [name for name in SCHEMAS if name != "common"]
_REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
)


def problems(body: Any, kind: str = "") -> list[str]:
    """Where a body does not fit the schema of its type, or of that one."""
    validator = Draft202012Validator(SCHEMAS[kind or body["type"]], registry=_REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def examples() -> Iterator[tuple[str, Body]]:
    """The page's examples, each with the heading that it stands under."""
    for section in PAGE.split("\n## ")[1:]:
        for block in re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            yield section.partition("\n")[0].strip("`"), json.loads(block)
