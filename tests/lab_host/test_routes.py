"""Route templates."""

from collections.abc import Callable

import pytest

from tests.lab.functions_host.errors import HostError
from tests.lab.functions_host.functions import Function, HttpTrigger
from tests.lab.functions_host.routes import Routes

Find = Callable[[str, str], tuple[str, dict[str, str]] | None]


def finder(*templates: str, methods: frozenset[str] = frozenset()) -> Find:
    functions = [
        Function(
            template, template, HttpTrigger("req", "$return", template, methods, "anonymous"), ()
        )
        for template in templates
    ]
    routes = Routes("api", functions)

    def find(method: str, path: str) -> tuple[str, dict[str, str]] | None:
        match = routes.match(method, path)
        return None if match is None else (match.function.name, match.parameters)

    return find


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("a/{id}", "/api/a/x%20y", {"id": "x y"}),
        ("a/{id}", "/api/a/", None),
        ("a/{id}", "/api/a/b/c", None),
        ("a/{id?}", "/api/a", {}),
        ("a/{id:int}", "/api/a/-5", {"id": "-5"}),
        ("a/{id:int}", "/api/a/5x", None),
        ("a/{id:alpha:minlength(2)}", "/api/a/bc", {"id": "bc"}),
        ("a/{id:alpha:minlength(2)}", "/api/a/b", None),
        ("a/{id:alpha:minlength(2)}", "/api/a/12", None),
        ("a/{id:length(2,3)}", "/api/a/1234", None),
        ("a/{id:guid}", "/api/a/9188040D-6c67-4c5b-b112-36a304b66dad", "any"),
        ("a/{name}.{kind}", "/api/a/mail.eml", {"name": "mail", "kind": "eml"}),
        ("a/{*rest}", "/api/a/b/c", {"rest": "b/c"}),
        ("a.b", "/api/axb", None),
    ],
)
def test_a_template_matches_its_paths(template: str, path: str, expected: object) -> None:
    found = finder(template)("GET", path)
    assert (found and found[1]) == expected or (expected == "any" and found)


def test_the_more_exact_route_wins_wherever_it_stands() -> None:
    find = finder("{*all}", "a/{id}", "a/{id:int}", "a/check", "{id}/check")
    assert find("GET", "/api/a/check") == ("a/check", {})
    assert find("GET", "/api/a/7") == ("a/{id:int}", {"id": "7"})
    assert find("GET", "/api/a/x") == ("a/{id}", {"id": "x"})
    assert find("GET", "/api/b/check") == ("{id}/check", {"id": "b"})
    assert find("GET", "/api/b/c/d") == ("{*all}", {"all": "b/c/d"})


def test_a_method_that_is_not_listed_does_not_match() -> None:
    find = finder("a", methods=frozenset({"GET"}))
    assert find("get", "/api/a")
    assert find("HEAD", "/api/a") is None


@pytest.mark.parametrize("template", ["a/{", "a/{id:regex(x)}", "{id}/{id}", "{1}"])
def test_a_template_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(HostError):
        finder(template)
