"""The description of the API is what the app does: its routes, fields, limits and codes."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

import pytest
from azure.functions import AuthLevel
from azure.functions.decorators.http import HttpTrigger
from openapi_spec_validator import OpenAPIV31SpecValidator

import function_app
from functions import answers, messages
from shared import (
    account_forms,
    app_only,
    endpoint_forms,
    events,
    filters,
    invitation_forms,
    message_forms,
    send_forms,
)
from shared.account_forms import Reader
from shared.catalogue import ENTRIES
from shared.errors import Rejected, Stale, of_account
from tests import api_description, api_page, event_schemas
from tests.lab.described import DOCUMENT, Json, errors, followed, operations
from tests.lab.processes import ROOT

OPERATIONS = {operation["operationId"]: operation for _, _, operation in operations()}
PATHS = {operation["operationId"]: path for path, _, operation in operations()}
# What reads each body, field by field.
FORMS: dict[str, Mapping[str, Reader]] = {
    "invite": invitation_forms.FIELDS,
    "connect_account": app_only.FIELDS,
    "change_account": account_forms.CHANGES,
    "change_message": message_forms.CHANGES,
    "send_message": send_forms.FIELDS,
    "create_endpoint": endpoint_forms.FIELDS,
    "change_endpoint": endpoint_forms.FIELDS,
}
QUERIES: dict[str, set[str]] = {
    "messages": {*message_forms.SEARCH, "limit", "cursor"},
    "message": {*message_forms.PLACE},
    "change_message": {*message_forms.PLACE},
    "raw_message": {*message_forms.PLACE},
    "attachment": {*message_forms.PLACE},
}


def parameters(name: str, place: str) -> list[Json]:
    """An operation's parameters in a place: path, query or header."""
    common = DOCUMENT["paths"][PATHS[name]].get("parameters", [])
    every = [followed(one) for one in (*common, *OPERATIONS[name].get("parameters", []))]
    return [one for one in every if one["in"] == place]


def body_schema(name: str) -> Json:
    (media,) = OPERATIONS[name]["requestBody"]["content"].values()
    return followed(media["schema"])


def problems_of(name: str) -> Iterator[tuple[int, str]]:
    """Status and code of each problem that an operation may answer."""
    for status, response in OPERATIONS[name]["responses"].items():
        media = followed(response).get("content", {}).get("application/problem+json")
        for code in media["schema"]["properties"]["code"]["enum"] if media else ():
            yield int(status), code


# The files


def test_the_file_that_is_served_is_not_stale() -> None:
    assert api_description.FILE.read_text() == api_description.text(), "make docs writes it anew"


def test_the_file_that_is_served_is_deployed() -> None:
    ignored = (ROOT / ".funcignore").read_text().split()
    parts = api_description.FILE.relative_to(ROOT).parts
    assert not [one for one in ignored for part in parts if fnmatch(part, one.rstrip("/"))]


def test_the_page_is_not_stale() -> None:
    assert api_page.PAGE.read_text() == api_page.text(), "make docs writes it anew"


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [one.message for one in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


# Routes


def registered() -> dict[tuple[str, str], bool]:
    """The app's routes by path and method, and whether each wants a key."""
    found = {}
    for function in function_app.app.get_functions():
        trigger = function.get_trigger()
        if isinstance(trigger, HttpTrigger):
            for method in trigger.methods or ():
                key = f"/{trigger.route}", method.value.lower()
                found[key] = trigger.auth_level is not AuthLevel.ANONYMOUS
    return found


def test_every_route_is_described_with_its_key_and_nothing_else_is() -> None:
    described = {
        (path, method): operation.get("security", DOCUMENT["security"]) == DOCUMENT["security"]
        for path, method, operation in operations()
    }
    assert described == registered()
    assert len(described) > 30


def test_every_placeholder_of_a_path_is_a_parameter() -> None:
    for name, path in PATHS.items():
        assert {f"{{{one['name']}}}" for one in parameters(name, "path")} == {
            part for part in path.split("/") if part.startswith("{")
        }


# Fields


@pytest.mark.parametrize("name", FORMS)
def test_the_fields_of_a_body_are_those_that_its_form_reads(name: str) -> None:
    assert set(body_schema(name)["properties"]) == set(FORMS[name])
    assert body_schema(name)["additionalProperties"] is False


@pytest.mark.parametrize("name", QUERIES)
def test_the_parameters_of_a_query_are_those_that_its_form_reads(name: str) -> None:
    assert {one["name"] for one in parameters(name, "query")} == QUERIES[name]


def test_what_a_route_takes_of_a_query_is_what_its_form_reads() -> None:
    assert set(messages._SEARCH) == QUERIES["messages"]
    assert set(messages._PLACE) == QUERIES["message"]


def test_the_parts_of_a_filter_and_the_types_of_events_are_those_that_there_are() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["Filter"]["properties"]) == set(filters.PARTS)
    assert schemas["EventType"]["enum"] == list(events.TYPES)
    assert set(DOCUMENT["webhooks"]) == set(event_schemas.KINDS)


# Limits


def longest(schema: Json, length: int) -> str:
    """A valid text of that length."""
    return "a@" + "b" * (length - 2) if "@" in schema.get("pattern", "") else "a" * length


def sample(schema: Json, number: int) -> object:
    """One of several valid values."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(followed(schema["anyOf"][0]), number)
    if schema["type"] == "object":
        return {"filename": "a", "content_base64": ""}
    return longest(schema, 10) + f"{number}"


def bounds(schema: Json) -> Iterator[tuple[object, object]]:
    """Values at each limit of a schema, and just beyond it; each choice, and none of them."""
    for one in schema.get("enum", ()):
        yield one, "another"
    if "maxLength" in schema:
        yield tuple(longest(schema, schema["maxLength"] + more) for more in (0, 1))  # type: ignore[misc]
    for limit, step in (("minimum", -1), ("maximum", 1)):
        if limit in schema:
            yield schema[limit], schema[limit] + step
    if "maxItems" in schema:
        item = followed(schema["items"])
        many = [sample(item, number) for number in range(schema["maxItems"] + 1)]
        yield many[:-1], many
    if schema.get("minItems") == 1:
        yield [sample(followed(schema["items"]), 0)], []
    if "maxProperties" in schema:
        named = {f"X-{number}": "a" for number in range(schema["maxProperties"] + 1)}
        yield dict([*named.items()][:-1]), named
    for one in schema.get("anyOf", ()):
        yield from bounds(followed(one))
    inside = {} if "required" in schema else schema.get("properties", {})
    if isinstance(schema.get("additionalProperties"), dict):
        inside = {"X-Any": schema["additionalProperties"]}
    for name, one in inside.items():
        yield from (({name: at}, {name: beyond}) for at, beyond in bounds(followed(one)))


LIMITS = [
    (name, field, at, beyond)
    for name in FORMS
    for field, schema in body_schema(name)["properties"].items()
    for at, beyond in bounds(followed(schema))
]


@pytest.mark.parametrize(
    ("name", "field", "at", "beyond"), LIMITS, ids=[f"{one[0]}.{one[1]}" for one in LIMITS]
)
def test_a_limit_is_the_forms_own(name: str, field: str, at: Any, beyond: Any) -> None:
    read = FORMS[name][field]
    if name != "connect_account" or field != "tenant":  # a domain has rules of its own
        read(field, at)
    with pytest.raises(Rejected):
        read(field, beyond)


def test_the_limits_that_were_tried_are_many() -> None:
    assert len(LIMITS) > 90


# Examples


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_fits_its_schema(name: str) -> None:
    operation = OPERATIONS[name]
    responses = [followed(one) for one in operation["responses"].values()]
    for described in (operation.get("requestBody", {}), *responses):
        for media in described.get("content", {}).values():
            for example in examples(media):
                assert errors(media["schema"], example) == []
    for place in ("path", "query", "header"):
        for one in parameters(name, place):
            for example in examples(one):
                assert errors(one["schema"], example) == []


@pytest.mark.parametrize("kind", event_schemas.KINDS)
def test_the_example_of_a_webhook_fits_its_schema(kind: str) -> None:
    media = DOCUMENT["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
    assert errors(media["schema"], media["example"]) == []
    assert errors(media["schema"], media["example"] | {"surplus": 1})


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_asked_and_answered_as_json_has_an_example(name: str) -> None:
    operation = OPERATIONS[name]
    for described in (operation.get("requestBody", {}), *operation["responses"].values()):
        for kind, media in described.get("content", {}).items():
            assert "json" not in kind or list(examples(media)), kind


def examples(described: Json) -> Iterator[Any]:
    yield from [described["example"]] if "example" in described else []
    yield from (followed(one)["value"] for one in described.get("examples", {}).values())


# Codes


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_code_is_of_the_catalogue_and_has_the_status_that_its_error_gets(name: str) -> None:
    for status, code in problems_of(name):
        assert code in ENTRIES
        error = Stale() if (code, status) == ("stale", 409) else of_account(code)
        if not isinstance(error, Rejected) and code != "internal":
            assert answers._status(error) == status, code


def test_every_operation_with_a_key_may_answer_what_any_may() -> None:
    for name, operation in OPERATIONS.items():
        if "security" not in operation:
            common = {(400, "field_invalid"), (500, "internal"), (503, "storage_unavailable")}
            assert common <= set(problems_of(name)), name
            assert "401" in operation["responses"]
