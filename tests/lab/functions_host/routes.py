"""Routes of HTTP functions, as ASP.NET Core matches them.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from .errors import HostError
from .functions import Function, HttpTrigger

_PLACEHOLDER = re.compile(
    r"\{(?P<rest>\*{0,2})(?P<name>[a-z_]\w*)(?P<constraints>(?::[^{}=?]+)*)(?P<optional>\??)\}",
    re.IGNORECASE,
)
_CONSTRAINTS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "alpha": r"[a-z]+",
    "bool": r"true|false",
    "guid": r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?",
    "decimal": r"[+-]?\d+(?:\.\d+)?",
    "double": r"[+-]?\d+(?:\.\d+)?",
    "float": r"[+-]?\d+(?:\.\d+)?",
}
_LENGTH = re.compile(r"(minlength|maxlength|length)\((\d+)(?:,(\d+))?\)")
# Which segment wins where several fit: text, then a constrained parameter, then any, then the rest.
_TEXT, _CONSTRAINED, _PARAMETER, _REST = range(4)


@dataclass(frozen=True)
class Route:
    """One function's route, ready to match."""

    function: Function
    trigger: HttpTrigger
    pattern: re.Pattern[str]
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """The function that serves a request, and the values of its route parameters."""

    function: Function
    trigger: HttpTrigger
    parameters: dict[str, str]


class Routes:
    """All routes, those with more fixed text first; raises HostError for one it cannot read."""

    def __init__(self, prefix: str, functions: Iterable[Function]) -> None:
        self._routes = sorted(
            (
                _route(prefix, function, function.trigger)
                for function in functions
                if isinstance(function.trigger, HttpTrigger)
            ),
            key=lambda route: route.ranks,
        )

    def match(self, method: str, raw_path: str) -> Match | None:
        """Find the function for a method and an encoded path; None is a 404, as on Azure."""
        path = _decode(raw_path)
        for route in self._routes:
            if route.trigger.methods and method.upper() not in route.trigger.methods:
                continue
            if found := route.pattern.fullmatch(path):
                values = {name: value for name, value in found.groupdict().items() if value}
                return Match(route.function, route.trigger, values)
        return None


def _route(prefix: str, function: Function, trigger: HttpTrigger) -> Route:
    pattern = ""
    ranks = []
    for segment in f"{prefix}/{trigger.route}".strip("/").split("/"):
        part, rank = _segment(segment, function.name)
        pattern += part
        ranks.append(rank)
    try:
        compiled = re.compile(pattern + "/?", re.IGNORECASE)
    except re.error as error:
        raise HostError(f"function {function.name}: bad route {trigger.route!r}") from error
    return Route(function, trigger, compiled, tuple(ranks))


def _segment(segment: str, function_name: str) -> tuple[str, int]:
    """Give the pattern of one segment with the slash before it, and the segment's rank."""
    pieces, rank, end, optional = [], _TEXT, 0, False
    for found in _PLACEHOLDER.finditer(segment):
        pieces.append(re.escape(segment[end : found.start()]))
        end = found.end()
        if found["rest"]:
            return rf"(?:/(?P<{found['name']}>.*))?", _REST
        constraint = _constraint(found["constraints"], function_name)
        pieces.append(rf"(?P<{found['name']}>{constraint or '[^/]+?'})")
        rank = max(rank, _CONSTRAINED if constraint else _PARAMETER)
        optional = optional or bool(found["optional"])
    tail = segment[end:]
    if "{" in tail or "}" in tail:
        raise HostError(f"function {function_name}: cannot read the route segment {segment!r}")
    pattern = "/" + "".join(pieces) + re.escape(tail)
    return (f"(?:{pattern})?" if optional else pattern), rank


def _constraint(text: str, function_name: str) -> str:
    """Give the pattern of `:int:minlength(2)` and the like; '' where there is none."""
    names = [name for name in text.split(":") if name]
    patterns = [_constraint_pattern(name, function_name) for name in names]
    # All must hold: look ahead for each up to the segment's end.
    ahead = "".join(rf"(?=(?:{pattern})(?:/|$))" for pattern in patterns[:-1])
    return ahead + f"(?:{patterns[-1]})" if patterns else ""


def _constraint_pattern(name: str, function_name: str) -> str:
    if length := _LENGTH.fullmatch(name):
        kind, first, second = length.groups()
        least = "0" if kind == "maxlength" else first
        most = "" if kind == "minlength" else (second or first)
        return f"[^/]{{{max(1, int(least))},{most}}}"
    if name.lower() in _CONSTRAINTS:
        return _CONSTRAINTS[name.lower()]
    raise HostError(f"function {function_name}: route constraint {name!r} is not served here")


def _decode(raw_path: str) -> str:
    # An encoded slash stays encoded, or it would divide a segment.
    return unquote(re.sub("%(2f)", r"%25\1", raw_path, flags=re.IGNORECASE))
