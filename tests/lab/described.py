"""The app's answers, held against the description that it serves (functions/openapi.json)."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from .processes import ROOT

type Json = dict[str, Any]

DOCUMENT: Json = json.loads((ROOT / "functions" / "openapi.json").read_text())
_URI = "urn:unseen:openapi"
_REGISTRY: Registry[Any] = Registry().with_resource(
    _URI, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


def operations() -> Iterator[tuple[str, str, Json]]:
    """Path, method in lower case, and operation."""
    for path, item in DOCUMENT["paths"].items():
        yield from ((path, method, item[method]) for method in item if method != "parameters")


def followed(value: Json) -> Json:
    """What a reference leads to, with what stands beside it; the value itself without one."""
    if "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/")]
    return followed(found) | {key: value[key] for key in value if key != "$ref"}


def errors(schema: Mapping[str, Any], value: object) -> list[str]:
    """Where a value does not fit a schema of the document."""
    return [f"{one.json_path}: {one.message}" for one in _validator(json.dumps(schema))(value)]


@functools.cache
def _validator(schema: str) -> Any:
    based = {"$id": f"{_URI}:part", "$defs": {}, "allOf": [_based(json.loads(schema))]}
    return Draft202012Validator(based, registry=_REGISTRY).iter_errors


def _based(value: Any) -> Any:
    """With references that name the document."""
    if isinstance(value, list):
        return [_based(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _based(one) for name, one in value.items()}
    return found | ({"$ref": _URI + found["$ref"]} if "$ref" in found else {})


def check(answer: requests.Response, **_options: object) -> None:
    """Raises AssertionError for an answer that is not described; a hook of requests.

    A route that there is none of is answered by the host, and passed over.
    """
    method, path = str(answer.request.method).lower(), urlsplit(str(answer.request.url)).path
    operation = _operation(method, path.removeprefix("/api"))
    if operation is None:
        return
    responses, status = operation["responses"], str(answer.status_code)
    where = f"{method} {path}: {status}"
    assert status in responses or f"{status[0]}XX" in responses, f"{where} is not described"
    response = followed(responses.get(status) or responses[f"{status[0]}XX"])
    if not answer.content:
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    content = response.get("content", {})
    assert {kind, "*/*"} & content.keys(), f"{where}: {kind} is not described"
    if kind.endswith("json") and kind in content:
        assert errors(content[kind]["schema"], answer.json()) == [], where


def _operation(method: str, path: str) -> Json | None:
    """Of those that fit, the one with the most text of its own."""
    fitting = [
        (len(re.sub(r"\{\w+\}", "", template)), operation)
        for template, its_method, operation in operations()
        if its_method == method and _pattern(template).fullmatch(path)
    ]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))
