"""Starting and stopping."""

import asyncio
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.storage.queue import QueueClient

from tests.lab.functions_host.errors import HostError
from tests.lab.functions_host.worker import index_app
from tests.lab.waiting import wait_until

from .conftest import StartHost
from .running_host import SAMPLE_APP, RunningHost


@pytest.fixture
def copied_app(tmp_path: Path) -> Path:
    """Give a copy of the sample app to spoil."""
    return Path(shutil.copytree(SAMPLE_APP, tmp_path / "app"))


def refused(host: RunningHost) -> str:
    """Wait until a host that can't start has ended, and give its log."""
    assert host.process.wait(10) == 1
    assert host.first_line == ""
    return host.log()


def refuses_connections(host: RunningHost) -> bool:
    """Whether nobody listens any more at the host's address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(host.url).port)) != 0


def test_stdout_has_the_ready_line_only(start_host: StartHost) -> None:
    host = start_host()
    host.get("talkative")
    assert host.first_line.startswith("ready http://localhost:")
    host.process.terminate()
    assert host.process.stdout is not None
    assert host.process.stdout.read() == ""


def test_a_stop_lets_a_request_be_answered(start_host: StartHost) -> None:
    host = start_host("--grace", "10")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(host.get, "waiting")
        host.wait_for("waiting")
        host.process.terminate()
        wait_until(lambda: refuses_connections(host))
        host.release()
        assert answer.result().text == "released"
    assert host.process.wait(10) == 0


def test_a_stop_lets_queue_and_timer_functions_end(
    start_host: StartHost, storage: str, work_queue: str
) -> None:
    host = start_host("--no-timers", "--grace", "10")
    host.put(plain={"id": "long", "do": "wait"})
    host.fire("slow_tick")
    host.wait_for("start")
    host.wait_for("slow_tick")
    host.process.terminate()
    wait_until(lambda: refuses_connections(host))
    host.release()
    assert host.process.wait(10) == 0
    assert len(host.records("end")) == 1
    assert [entry["slow_tick"] for entry in host.records("slow_tick")] == ["start", "end"]
    with QueueClient.from_connection_string(storage, work_queue) as queue:
        assert queue.get_queue_properties().approximate_message_count == 0


def test_a_stop_does_not_wait_longer_than_its_grace(start_host: StartHost) -> None:
    host = start_host("--grace", "0.2")
    host.put(plain={"id": "long", "do": "wait"})
    host.wait_for("start")
    assert host.terminate(seconds=5) == 0


def test_a_run_that_takes_too_long_fails(start_host: StartHost, copied_app: Path) -> None:
    text = (copied_app / "host.json").read_text().replace("00:00:20", "00:00:00.300")
    (copied_app / "host.json").write_text(text)
    host = start_host(app=copied_app)
    assert host.get("waiting").status_code == 500
    assert "timed out after 0.3 s" in host.log()
    host.release()


def test_http_goes_on_without_storage(start_host: StartHost) -> None:
    nowhere = (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;"
        "QueueEndpoint=http://127.0.0.1:9/a;"
    )
    host = start_host(AzureWebJobsStorage=nowhere)
    assert host.get("things/all").text == "all things"
    said = "cannot be read (ServiceRequestError); next try in"
    wait_until(lambda: said in host.log(), 10, said)


def test_a_taken_port_is_said(start_host: StartHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in refused(start_host("--port", str(port)))


def test_an_app_that_cannot_be_imported_is_said(start_host: StartHost, copied_app: Path) -> None:
    (copied_app / "function_app.py").write_text("import no_such_module\n")
    log = refused(start_host(app=copied_app))
    assert "Traceback" in log
    assert "No module named 'no_such_module'" in log


def test_an_app_without_its_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no function_app\.py in"):
        asyncio.run(index_app(tmp_path))
