"""What a function sees of a request, and what a client gets."""

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from .running_host import FUNCTION_KEY, MASTER_KEY, RunningHost


def test_a_function_sees_the_whole_request(host: RunningHost) -> None:
    answer = host.call("PUT", "/api/echo/7?q=a%20b", data="body é".encode(), headers={"X-One": "1"})
    seen = answer.json()
    assert (seen["method"], seen["route"], seen["body"]) == ("PUT", {"number": "7"}, "body é")
    assert seen["url"] == f"{host.url}/api/echo/7?q=a%20b"
    assert seen["params"] == {"q": "a b"}
    assert seen["headers"]["x-one"] == "1"
    assert answer.headers["Content-Type"] == "application/json"


def test_the_url_has_the_host_that_the_client_named(host: RunningHost) -> None:
    answer = host.get("echo/7", headers={"Host": "app.example:8080"})
    assert answer.json()["url"] == "http://app.example:8080/api/echo/7"


def test_a_doubled_parameter_arrives_joined_and_raw(host: RunningHost) -> None:
    seen = host.get("echo/7?state=a&state=b&empty=").json()
    assert seen["params"] == {"state": "a,b"}
    assert seen["url"].endswith("?state=a&state=b&empty=")


def test_a_literal_wins_over_a_parameter(host: RunningHost) -> None:
    assert host.get("things/all").text == "all things"
    assert host.get("things/one").text == "thing one"


def test_a_route_takes_the_rest_of_the_path(host: RunningHost) -> None:
    assert host.get("files/a/b%20c/d%2Fe").text == "a/b c/d%2Fe"
    assert host.get("files").text == ""


def test_routes_ignore_case_and_a_trailing_slash(host: RunningHost) -> None:
    assert host.get("Things/ALL/").text == "all things"


@pytest.mark.parametrize("path", ["echo/seven", "nowhere", "echo/7/8", "things"])
def test_a_path_without_a_route_is_not_found(host: RunningHost, path: str) -> None:
    assert host.get(path).status_code == 404


def test_a_path_outside_the_prefix_is_not_found(host: RunningHost) -> None:
    assert host.call("GET", "/things/all").status_code == 404


def test_another_method_is_not_found_as_on_azure(host: RunningHost) -> None:
    assert host.call("POST", "/api/files/a").status_code == 404


def test_head_is_answered_without_a_body(host: RunningHost) -> None:
    answer = host.call("HEAD", "/api/things/all")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len("all things"))


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("locked", "", 401),
        ("locked", "wrong", 401),
        ("locked", FUNCTION_KEY, 200),
        ("locked", MASTER_KEY, 200),
        ("sealed", FUNCTION_KEY, 401),
        ("sealed", MASTER_KEY, 200),
    ],
)
def test_a_key_opens_what_it_is_for(host: RunningHost, path: str, key: str, status: int) -> None:
    assert host.get(path, headers={"x-functions-key": key}).status_code == status
    assert host.get(f"{path}?code={key}").status_code == status


def test_the_key_in_the_header_counts_before_the_query(host: RunningHost) -> None:
    answer = host.get(f"locked?code={FUNCTION_KEY}", headers={"x-functions-key": "wrong"})
    assert answer.status_code == 401


def test_an_answer_keeps_status_headers_and_every_cookie(host: RunningHost) -> None:
    answer = host.get("cookies")
    assert (answer.status_code, answer.text) == (303, "<p>é</p>")
    assert answer.headers["Location"] == "https://elsewhere.example/?x=1"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.raw.headers.getlist("Set-Cookie") == [
        "first=a%2Bb%3D; max-age=600; path=/; samesite=lax; httponly",
        "second=2; path=/api; secure; samesite=strict",
    ]


def test_an_exception_is_an_empty_500_and_a_traceback_in_the_log(host: RunningHost) -> None:
    answer = host.get("broken?secret=in-the-query")
    assert (answer.status_code, answer.content) == (500, b"")
    assert "RuntimeError: broken on purpose" in host.log()
    assert "broken http failed" in host.log()
    assert "in-the-query" not in host.log()


def test_an_answer_that_is_no_valid_http_is_a_500(host: RunningHost) -> None:
    assert host.get("invalid").status_code == 500
    assert "function invalid: its answer is no valid HTTP (TypeError)" in host.log()


def test_plain_functions_run_at_the_same_time(host: RunningHost) -> None:
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(host.get, ["meet/one/two", "meet/two/one"]))
    assert [answer.text for answer in answers] == ["met", "met"]


def test_the_app_may_print_and_log(host: RunningHost) -> None:
    host.get("talkative")
    assert "printed by the app" in host.log()
    assert " INFO sample logged\\nby the app" in host.log()
    assert "debug of the app" not in host.log()
    assert "storage request of the app" in host.log()


def test_the_hosts_own_storage_requests_are_not_logged(host: RunningHost) -> None:
    host.put(plain={"id": "logged"})
    host.wait_for("end", of=["logged"])
    assert "Request URL" not in host.log()


def test_log_levels_are_those_of_the_function(host: RunningHost) -> None:
    host.get("quiet")
    assert "error of the quiet one" in host.log()
    assert "warning of the quiet one" not in host.log()


def test_a_malformed_request_leaves_nothing_in_the_log(host: RunningHost) -> None:
    address = urlsplit(host.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"GET /api/secret-path HTTP/1.1\r\nbad header secret\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    assert "secret" not in host.log().replace("seen", "")


def test_the_admin_api_wants_the_master_key(host: RunningHost) -> None:
    with_function_key = {"x-functions-key": FUNCTION_KEY}
    assert host.call("GET", "/admin/host/status", headers=with_function_key).status_code == 401
    assert host.call("POST", "/admin/functions/tick", json={}).status_code == 401
    assert host.call("GET", "/admin/host/ping").status_code == 200


def test_status_lists_what_is_served(host: RunningHost) -> None:
    status = host.call("GET", "/admin/host/status", headers={"x-functions-key": MASTER_KEY}).json()
    assert status["state"] == "Running"
    assert {"echo", "tick", "work"} <= set(status["functions"])


def test_a_body_up_to_100_mb_is_taken_and_no_more(host: RunningHost) -> None:
    assert host.call("POST", "/api/things/all", data=bytes(5_000_000)).status_code == 200
    too_long = {"Content-Length": str(200 * 1024 * 1024)}
    address = urlsplit(host.url)
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in too_long.items())
        connection.sendall(f"POST /api/things/all HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        connection.sendall(bytes(101 * 1024 * 1024))
        assert b" 413 " in connection.recv(1000)
