"""The settings of host.json that this host acts on.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import HostError
from .time_spans import parse_time_span

_MAX_BATCH_SIZE = 32


@dataclass(frozen=True)
class QueueOptions:
    """How queues are polled, in seconds and messages; the defaults are Azure's."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    retry_seconds: int = 0
    max_polling_seconds: float = 60.0
    base64: bool = True


@dataclass(frozen=True)
class HostJson:
    """host.json, read and checked. `timeout_seconds` is None where a run may last for ever."""

    route_prefix: str
    timeout_seconds: float | None
    queues: QueueOptions
    log_levels: dict[str, str]


def read_host_json(folder: Path) -> HostJson:
    """Read `folder`/host.json; raises HostError where it is missing, malformed or out of range."""
    try:
        content = json.loads((folder / "host.json").read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise HostError(f"no host.json in {folder}") from error
    except ValueError as error:
        raise HostError(f"host.json is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise HostError('host.json needs "version": "2.0"')
    extensions = _section(content, "extensions")
    return HostJson(
        route_prefix=str(_section(extensions, "http").get("routePrefix", "api")).strip("/"),
        timeout_seconds=_timeout(content.get("functionTimeout", "00:30:00")),
        queues=_queue_options(_section(extensions, "queues")),
        log_levels=_section(_section(content, "logging"), "logLevel"),
    )


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise HostError(f'"{name}" in host.json must be an object')
    return section


def _timeout(value: object) -> float | None:
    return None if str(value) == "-1" else parse_time_span(str(value)).total_seconds()


def _queue_options(section: dict[str, Any]) -> QueueOptions:
    batch_size = _number(section, "batchSize", 16, 1, _MAX_BATCH_SIZE)
    encoding = str(section.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise HostError(f"messageEncoding in host.json is base64 or none, not {encoding!r}")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_number(section, "newBatchThreshold", batch_size // 2, 0, 10_000),
        max_dequeue_count=_number(section, "maxDequeueCount", 5, 1, 1_000_000),
        retry_seconds=math.ceil(_seconds(section, "visibilityTimeout", "00:00:00")),
        max_polling_seconds=max(0.1, _seconds(section, "maxPollingInterval", "00:01:00")),
        base64=encoding == "base64",
    )


def _number(section: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = section.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise HostError(f"{name} in host.json must be a number from {least} to {most}")
    return value


def _seconds(section: dict[str, Any], name: str, default: str) -> float:
    return parse_time_span(str(section.get(name, default))).total_seconds()
