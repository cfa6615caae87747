"""The app's functions, as its indexed bindings describe them."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .app_settings import SettingMissingError, connection_string, is_disabled, resolve
from .schedules import Schedule, parse_schedule

_LOG = logging.getLogger("Host.Startup")


@dataclass(frozen=True)
class HttpTrigger:
    """`route` has no prefix; `methods` is empty where all are served; `auth_level` is lower case.

    `answer` names the parameter that carries the answer: `$return`, unless the app says otherwise.
    """

    parameter: str
    answer: str
    route: str
    methods: frozenset[str]
    auth_level: str


@dataclass(frozen=True)
class TimerTrigger:
    """A schedule, and whether the timer also fires when the host starts."""

    parameter: str
    schedule: Schedule
    run_on_startup: bool


@dataclass(frozen=True)
class QueueTrigger:
    """A queue and the connection string of its storage account."""

    parameter: str
    queue: str
    connection: str


@dataclass(frozen=True)
class QueueOutput:
    """Where the messages of an output parameter (or `$return`) go."""

    parameter: str
    queue: str
    connection: str


Trigger = HttpTrigger | TimerTrigger | QueueTrigger


@dataclass(frozen=True)
class Function:
    """One function of the app; `id` is what the worker library calls it."""

    id: str
    name: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]


def served_functions(indexed: Iterable[tuple[str, str, list[str]]]) -> list[Function]:
    """Read the bindings of (id, name, raw bindings); what cannot be served is logged and left out.

    Raises HostError for a schedule or connection that can never work.
    """
    functions = []
    for function_id, name, raw_bindings in indexed:
        if is_disabled(name):
            _LOG.warning("function %s is left out: a setting disables it", name)
            continue
        try:
            functions.append(
                _function(function_id, name, [json.loads(raw) for raw in raw_bindings])
            )
        except SettingMissingError as error:
            _LOG.error("function %s is left out: the app setting %s is not set", name, error)
        except _UnservedError as error:
            _LOG.error("function %s is left out: %s is not served by this host", name, error)
    return functions


class _UnservedError(Exception):
    """A binding of a kind that this host does not know; carries the kind."""


def _function(function_id: str, name: str, bindings: list[dict[str, Any]]) -> Function:
    triggers = [binding for binding in bindings if binding["type"].lower().endswith("trigger")]
    answers = [binding["name"] for binding in bindings if binding["type"] == "http"]
    outputs = [
        binding for binding in bindings if binding not in triggers and binding["type"] != "http"
    ]
    return Function(
        id=function_id,
        name=name,
        trigger=_trigger(triggers[0], name, answers),
        outputs=tuple(_output(binding) for binding in outputs),
    )


def _trigger(binding: dict[str, Any], function_name: str, answers: list[str]) -> Trigger:
    match binding["type"]:
        case "httpTrigger":
            return HttpTrigger(
                parameter=binding["name"],
                answer=answers[0] if answers else "$return",
                route=resolve(binding.get("route") or function_name).strip("/"),
                methods=frozenset(method.upper() for method in binding.get("methods") or ()),
                auth_level=str(binding.get("authLevel") or "function").lower(),
            )
        case "timerTrigger":
            return TimerTrigger(
                parameter=binding["name"],
                schedule=parse_schedule(resolve(binding["schedule"])),
                run_on_startup=bool(binding.get("runOnStartup")),
            )
        case "queueTrigger":
            return QueueTrigger(binding["name"], *_queue(binding))
        case kind:
            raise _UnservedError(f"the trigger {kind}")


def _output(binding: dict[str, Any]) -> QueueOutput:
    if binding["type"] != "queue" or str(binding["direction"]).upper() != "OUT":
        raise _UnservedError(f"the binding {binding['type']}")
    return QueueOutput(binding["name"], *_queue(binding))


def _queue(binding: dict[str, Any]) -> tuple[str, str]:
    # Queue names are lower case only; Azure's host lowers what it is given.
    return resolve(binding["queueName"]).lower(), connection_string(binding.get("connection") or "")
