"""Writes docs/api.md from the description of the API: `make docs`."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.lab.described import DOCUMENT, Json, followed, operations

PAGE = Path(__file__).parents[1] / "docs" / "api.md"

_HEAD = """# API

Made by `make docs` from the description that the app serves at `/api/openapi.json` (OpenAPI \
3.1), which has every field of every answer too; `make check` fails where they differ. What the \
parts are for is in the [README](../README.md), events are in [events.md](events.md).

- Every operation but the browser's, `GET /api/health` and the description itself wants a function \
key in the header `x-functions-key`; without it, the answer is an empty 401.
- Bodies are JSON in UTF-8. Instants are UTC, to the second: `2026-01-31T12:00:00Z`.
- What is refused is `application/problem+json` with a stable `code` ([errors.md](errors.md)): \
`{"type", "title", "status", "code"}`, with `detail` and `link` where they help.
- A value that is not valid, and a field or parameter that is not known, is a 400 `field_invalid` \
whose `detail` names it; nothing was changed. An empty parameter of a query counts as none.
- 503, and 429 for too much at once, say in `Retry-After` when to come again. 500 is the operator's.
- A list goes on at its `cursor`, and ends where that is `""`.
"""
_OF_ALL = {"500", "503"}
# It only opens a mailbox: others refuse what it does, and more.
_OPENS = DOCUMENT["paths"]["/accounts/{id}/folders"]["get"]
_LONGEST_ANSWER = 400


def text() -> str:
    """The page as it should be."""
    return _HEAD + "".join(map(_section, DOCUMENT["tags"]))


def _section(tag: Mapping[str, str]) -> str:
    told = "".join(_operation(*one) for one in operations() if tag["name"] in one[2]["tags"])
    return f"\n## {tag['name']}\n\n{tag['description']}\n{told}"


def _operation(path: str, method: str, operation: Json) -> str:
    said = f"{operation['summary']}. {operation.get('description', '')}".strip()
    parts = (
        f"### {method.upper()} /api{path}",
        said,
        _table([*_parameters(path, operation), *_fields(operation)]),
        _example(path, method, operation),
        _refusals(operation),
    )
    return "".join(f"\n{part}\n" for part in parts if part)


# What it takes


def _table(rows: list[str]) -> str:
    return "\n".join(("| name | in | what |", "|---|---|---|", *rows)) if rows else ""


def _parameters(path: str, operation: Json) -> Iterator[str]:
    for one in _given(path, operation):
        if one["in"] != "path" or "description" in one:
            yield _row(one["name"], one["in"], one["schema"], one.get("description", ""), one)


def _given(path: str, operation: Json) -> list[Json]:
    common = DOCUMENT["paths"][path].get("parameters", [])
    return [followed(one) for one in (*common, *operation.get("parameters", []))]


def _fields(operation: Json) -> Iterator[str]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = followed(media["schema"])
        for name, field in schema["properties"].items():
            yield _row(name, "body", field, "", {"required": name in schema.get("required", ())})


def _row(name: str, where: str, schema: Json, said: str, about: Mapping[str, Any]) -> str:
    whole = followed(schema)
    kind = _kind(whole) + (", required" if about.get("required") else "")
    said = said or whole.get("description", "")
    return f"| `{name}` | {where} | {kind}{'. ' if said else ''}{said} |"


def _kind(schema: Json) -> str:
    """Type, limits and default, in a few words."""
    whole = followed(schema)
    default = f"; `{json.dumps(whole['default'])}` by default" if "default" in whole else ""
    return _type(whole) + default


def _type(schema: Json) -> str:
    if "enum" in schema:
        return _either([f"`{one}`" for one in schema["enum"]])
    if "anyOf" in schema:
        one, other = map(followed, schema["anyOf"])
        if "items" in other and followed(other["items"]) == one:
            return f"{_kind(one)}, or a {_range(0, other['maxItems'])} such"
        return f"{_kind(one)}, or {_kind(other)}"
    match schema["type"]:
        case "array":
            return f"{_range(schema.get('minItems', 0), schema['maxItems'])} of: " + _kind(
                schema["items"]
            )
        case "integer" | "number":
            return f"number, {schema['minimum']} to {schema['maximum']}"
        case "boolean":
            return "`true` or `false`"
        case "object" if "properties" in schema:
            return "`{" + ", ".join(schema["properties"]) + "}`"
        case "object":
            return f"object of up to {schema['maxProperties']}"
    return f"text, up to {schema['maxLength']}" if "maxLength" in schema else "text"


def _either(choices: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))


def _range(least: int, most: int) -> str:
    return f"list of {least} to {most}" if least else f"list of up to {most}"


# How it is called, and what comes back


def _example(path: str, method: str, operation: Json) -> str:
    if operation["tags"] == ["Browser"]:
        return ""
    content = operation.get("requestBody", {}).get("content", {})
    called = " ".join(("curl", *_arguments(path, method, operation)))
    bodies = [_examples(media) for media in content.values()] or [[None]]
    lines = [
        called + (f" \\\n  -d {shlex.quote(_short(body))}" if body is not None else "")
        for body in bodies[0]
    ]
    return "\n".join(("```", *lines, *_answers(operation), "```"))


def _arguments(path: str, method: str, operation: Json) -> Iterator[str]:
    if method != "get" and not (method == "post" and "requestBody" in operation):
        yield f"-X {method.upper()}"
    url, headers = f"https://<your app>/api{path}", {"x-functions-key": "<key>"}
    for one in _given(path, operation):
        if one["in"] == "path":
            url = url.replace(f"{{{one['name']}}}", str(one["example"]))
        if one["in"] == "header":
            headers[one["name"]] = one["example"]
    yield f"'{url}'"
    if operation.get("security") != []:
        yield from (f"-H '{name}: {value}'" for name, value in headers.items())


def _answers(operation: Json) -> Iterator[str]:
    """Those that are no refusal."""
    for status, response in operation["responses"].items():
        content = followed(response).get("content", {})
        if status.startswith("2") and not content:
            yield f"# {status}"
        for kind, media in content.items():
            if kind == "application/json":
                yield from (f"# {status} {_cut(_short(one))}" for one in _examples(media))
            elif status.startswith("2"):
                yield f"# {status} {kind.replace('*/*', 'the file')}"


def _examples(media: Json) -> list[Any]:
    named = media.get("examples", {}).values()
    return [media["example"]] if "example" in media else [followed(one)["value"] for one in named]


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST_ANSWER else f"{value[:_LONGEST_ANSWER]} …"


def _refusals(operation: Json) -> str:
    """Codes of its own, beside those that any operation may answer."""
    codes, opens = _codes(operation), _codes(_OPENS)
    as_there = operation is not _OPENS and opens <= codes
    found: dict[str, list[str]] = {}
    for status, code in sorted(codes - opens if as_there else codes, key=lambda one: one[0]):
        found.setdefault(status, []).append(f"[`{code}`](errors.md#{code})")
    told = "; ".join(f"{status} {', '.join(sorted(some))}" for status, some in found.items())
    if as_there:
        more = f", and with {told}" if told else ""
        return f"Refused as [GET …/folders](#get-apiaccountsidfolders) is{more}."
    return f"Refused with {told}." if told else ""


def _codes(operation: Json) -> set[tuple[str, str]]:
    return {
        (status, code)
        for status, response in operation["responses"].items()
        for media in (response.get("content", {}).get("application/problem+json"),)
        if media and status not in _OF_ALL
        for code in media["schema"]["properties"]["code"]["enum"]
        if code != "field_invalid"
    }


if __name__ == "__main__":
    PAGE.write_text(text())
