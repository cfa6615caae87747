"""Hosts with the sample app."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.azurite import next_account
from tests.lab.services import Services

from .running_host import SAMPLE_APP, SHARED_QUEUE, RunningHost

StartHost = Callable[..., RunningHost]


@pytest.fixture(scope="session")
def storage(services: Services) -> str:
    """Give the connection string of storage that is the sample app's."""
    return services.azurite.connection_string(next_account())


@pytest.fixture
def work_queue() -> str:
    """Name a queue that no other test uses."""
    return f"work-{uuid.uuid4().hex}"


@pytest.fixture
def start_host(storage: str, work_queue: str, tmp_path: Path) -> Iterator[StartHost]:
    """Start hosts; all of one test write to the same records and share a queue."""
    hosts: list[RunningHost] = []

    def start(*options: str, app: Path = SAMPLE_APP, **settings: str) -> RunningHost:
        known = {"AzureWebJobsStorage": storage, "WORK_QUEUE": work_queue}
        hosts.append(RunningHost(tmp_path, known | settings, *options, app=app))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture(scope="session")
def host(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Give a host for the tests that neither stop it nor make it wait."""
    settings = {"AzureWebJobsStorage": storage, "WORK_QUEUE": SHARED_QUEUE}
    running = RunningHost(tmp_path_factory.mktemp("host"), settings, app=SAMPLE_APP)
    yield running
    running.close()
