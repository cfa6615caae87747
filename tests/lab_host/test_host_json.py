"""host.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.functions_host.errors import HostError
from tests.lab.functions_host.host_json import HostJson, QueueOptions, read_host_json


def read(folder: Path, **content: Any) -> HostJson:
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **content}))
    return read_host_json(folder)


def test_what_is_not_set_is_as_on_azure(tmp_path: Path) -> None:
    assert read(tmp_path) == HostJson("api", 1800.0, QueueOptions(), {})


def test_what_is_set_counts(tmp_path: Path) -> None:
    queues = {
        "batchSize": 1,
        "maxPollingInterval": "00:00:02",
        "visibilityTimeout": "00:00:30",
        "messageEncoding": "none",
    }
    extensions = {"http": {"routePrefix": ""}, "queues": queues}
    found = read(tmp_path, functionTimeout="00:05:00", extensions=extensions)
    assert (found.route_prefix, found.timeout_seconds) == ("", 300.0)
    assert found.queues == QueueOptions(
        batch_size=1,
        new_batch_threshold=0,
        retry_seconds=30,
        max_polling_seconds=2.0,
        base64=False,
    )


def test_a_run_may_last_for_ever(tmp_path: Path) -> None:
    assert read(tmp_path, functionTimeout="-1").timeout_seconds is None


@pytest.mark.parametrize(
    "content",
    [
        {"version": "1"},
        {"functionTimeout": "5 min"},
        {"extensions": []},
        {"extensions": {"queues": {"batchSize": 33}}},
        {"extensions": {"queues": {"maxDequeueCount": "5"}}},
        {"extensions": {"queues": {"messageEncoding": "utf-8"}}},
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(HostError):
        read(tmp_path, **content)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(HostError):
        read_host_json(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no host\.json"):
        read_host_json(tmp_path)
