"""Makes functions/openapi.json, the description that the app serves: `make docs`.

Written by hand is docs/openapi.yaml, whose head says what is filled in here: problems from the
catalogue, webhooks from docs/events.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from shared.catalogue import ENTRIES
from tests import event_schemas

_ROOT = Path(__file__).parents[1]
_PROJECT = _ROOT / "pyproject.toml"
SOURCE = _ROOT / "docs" / "openapi.yaml"
FILE = _ROOT / "functions" / "openapi.json"

_EXACT, _PROBLEMS = "x-exact", "x-problems"
_WITH_RETRY_AFTER = {429, 503}
_WEBHOOK_HEADERS = ("WebhookId", "WebhookTimestamp", "WebhookSignature")
_MEANINGS = {
    400: "A value that was sent is not valid.",
    401: "No function key, or not the other key that is wanted.",
    404: "There is no such thing here.",
    409: "It can't be done as things stand.",
    413: "It is too large.",
    422: "The mail was refused for good.",
    429: "Too much at once; nothing was done.",
    500: "The operator has to act.",
    503: "It did not work for now; nothing was done.",
}

type Json = dict[str, Any]


def text() -> str:
    """The file as it should be."""
    return json.dumps(made(), ensure_ascii=False, indent=1) + "\n"


def made() -> Json:
    """The description, whole."""
    described: Json = yaml.safe_load(SOURCE.read_text())
    described["info"]["version"] = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    described["components"]["schemas"] |= dict(_event_schemas())
    _add_problems(described)
    described["webhooks"] = dict(_webhooks())
    whole: Json = _filled(described)
    return whole


def _add_problems(described: Json) -> None:
    sets = described.pop(_PROBLEMS)
    examples: Json = described["components"].setdefault("examples", {})
    for operation in _operations(described):
        codes = _codes(operation.pop(_PROBLEMS, []), sets)
        for status, some in sorted(codes.items()):
            own = operation["responses"].get(str(status), {})
            problem = _problem(status, some)
            content = own.get("content", {}) | problem["content"]
            operation["responses"][str(status)] = problem | own | {"content": content}
            examples.update(_examples(status, some))
        if "security" not in operation:
            operation["responses"].setdefault("401", _ref("responses", "NoKey"))


def _operations(described: Json) -> Iterator[Json]:
    for item in described["paths"].values():
        yield from (item[method] for method in item if method != "parameters")


def _codes(wanted: Iterable[Any], sets: Mapping[str, Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one in wanted:
        for status, codes in (sets[one] if isinstance(one, str) else one).items():
            found.setdefault(status, []).extend(codes)
    return found


def _problem(status: int, codes: list[str]) -> Json:
    response: Json = {
        "description": _MEANINGS[status],
        "content": {
            "application/problem+json": {
                "schema": {
                    **_ref("schemas", "Problem"),
                    "properties": {"code": {"enum": codes}, "status": {"const": status}},
                },
                "examples": {code: _ref("examples", f"{code}.{status}") for code in codes},
            }
        },
    }
    if status in _WITH_RETRY_AFTER:
        response["headers"] = {"Retry-After": _ref("headers", "RetryAfter")}
    return response


def _examples(status: int, codes: list[str]) -> Iterator[tuple[str, Json]]:
    for code in codes:
        entry = ENTRIES[code]
        value = {
            "type": f"docs/errors.md#{code}",
            "title": entry.operator,
            "status": status,
            "code": code,
        }
        value |= {"detail": "limit"} if code == "field_invalid" else {}
        value |= {"link": entry.link} if entry.link else {}
        yield f"{code}.{status}", {"summary": entry.owner, "value": value}


def _event_schemas() -> Iterator[tuple[str, Json]]:
    """Each event's schema under its name, and what it defines as `<name>.<definition>`."""
    for stem, schema in event_schemas.SCHEMAS.items():
        moved = _moved(schema, stem)
        for name, definition in moved.pop("$defs", {}).items():
            yield f"{stem}.{name}", definition
        if stem != "common":
            yield stem, {key: moved[key] for key in moved if key not in {"$schema", "$id"}}


def _moved(value: Any, stem: str) -> Any:
    """With references to where the definitions are in one document."""
    if isinstance(value, list):
        return [_moved(one, stem) for one in value]
    if not isinstance(value, dict):
        return value
    moved = {name: _moved(one, stem) for name, one in value.items()}
    if isinstance(moved.get("$ref"), str):
        file, _, name = moved["$ref"].partition("#/$defs/")
        moved |= _ref("schemas", f"{file.removesuffix('.json') or stem}.{name}")
    return moved


def _webhooks() -> Iterator[tuple[str, Json]]:
    examples = dict(event_schemas.examples())
    for kind in event_schemas.KINDS:
        yield (
            kind,
            {
                "post": {
                    "summary": event_schemas.SCHEMAS[kind]["description"],
                    "operationId": kind,
                    "security": [],
                    "parameters": [_ref("parameters", name) for name in _WEBHOOK_HEADERS],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": _ref("schemas", kind),
                                "example": examples[kind],
                            }
                        },
                    },
                    "responses": {"2XX": _ref("responses", "Taken")},
                }
            },
        )


def _filled(value: Any) -> Any:
    """With what is said of every exact schema, and of every parameter of a query."""
    if isinstance(value, list):
        return [_filled(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _filled(one) for name, one in value.items() if name != _EXACT}
    if value.get(_EXACT):
        found |= {"required": list(found["properties"]), "additionalProperties": False}
    if value.get("in") == "query" and "schema" in value:
        found["allowEmptyValue"] = True
    return found


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


if __name__ == "__main__":
    FILE.write_text(text())
