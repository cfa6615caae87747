"""Connections of webhooks: to the addresses that were checked, and to no others."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from shared.errors import Rejected
from shared.guard import Guard
from shared.guarded_sockets import open_socket
from tests.lab.ports import free_port
from tests.test_guard import PRIVATE, SPECIAL, SPELLINGS

_CLOSED, _OPEN = Guard(), Guard(private=True)
_PUBLIC, _PUBLIC_IPV6 = "93.184.215.14", "2606:4700:4700::1111"
_NAME = "hooks.customer.example"
# All of them lead to this machine, by whoever resolves them without a guard.
_LOOPBACK = (
    *("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "::ffff:127.0.0.1", "127.0.0.2"),
    *("2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001", "0177.0.0.01", "127.1", "0"),
    *("１２７.0.0.1", "127。0。0。1", "①27.0.0.1"),
)

type Answer = Sequence[tuple[Any, ...]]


class Listener:
    """Listens on a port of loopback, and on the same one of every address of this machine."""

    def __init__(self) -> None:
        self.port = free_port()
        self._sockets = [socket.create_server(("127.0.0.1", self.port))]
        self._sockets += [socket.create_server(("::1", self.port), family=socket.AF_INET6)]
        self._sockets += [socket.create_server(("127.0.0.2", self.port))]
        for one in self._sockets:
            one.setblocking(False)

    def hits(self) -> int:
        """Connections since it was asked last: the kernel has made them before connect returns."""
        found = 0
        for one in self._sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    one.accept()[0].close()
                    found += 1
        return found

    def close(self) -> None:
        for one in self._sockets:
            one.close()


class Resolver:
    """Gives the addresses of one answer after the other; the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> Answer:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in answer
        ]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


_connects: dict[int, list[str]] = {}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and threading.get_ident() in _connects:
        host = str(arguments[1][0])
        _connects[threading.get_ident()].append(host)
        if not host.startswith("127.") and host != "::1":
            raise ConnectionRefusedError("tests connect to loopback only")


sys.addaudithook(_audit)


@pytest.fixture
def connects() -> Iterator[list[str]]:
    """What this thread connects to, as Python itself reports it; only loopback is really met."""
    yield _connects.setdefault(threading.get_ident(), [])
    del _connects[threading.get_ident()]


@pytest.mark.parametrize("host", _LOOPBACK)
def test_t15_no_spelling_of_loopback_sends_a_packet(listener: Listener, host: str) -> None:
    socket.create_connection((host, listener.port), timeout=5).close()
    assert listener.hits() == 1
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_CLOSED, host, listener.port, 5)
    assert listener.hits() == 0


@pytest.mark.parametrize("address", [*SPECIAL.values(), *PRIVATE.values()])
def test_t15_a_name_that_leads_to_no_public_address_is_not_connected_to(
    address: str, listener: Listener, connects: list[str]
) -> None:
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_CLOSED, _NAME, listener.port, 5, Resolver([address]))
    assert (connects, listener.hits()) == ([], 0)


@pytest.mark.parametrize("host", SPELLINGS.values(), ids=SPELLINGS)
def test_t15_an_unusual_spelling_is_not_even_resolved(host: str, connects: list[str]) -> None:
    resolver = Resolver([_PUBLIC])
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_CLOSED, host, 443, 5, resolver)
    assert (resolver.asked, connects) == ([], [])


@pytest.mark.parametrize(
    "answer",
    [(_PUBLIC, "127.0.0.1"), ("127.0.0.1", _PUBLIC), (_PUBLIC, _PUBLIC_IPV6, "::1")],
)
def test_t15_one_address_that_is_not_public_refuses_all(
    answer: Sequence[str], listener: Listener, connects: list[str]
) -> None:
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_CLOSED, _NAME, listener.port, 5, Resolver(answer))
    assert (connects, listener.hits()) == ([], 0)


@pytest.mark.parametrize("address", SPECIAL.values(), ids=SPECIAL)
def test_t15_private_connects_to_nothing_special(address: str, connects: list[str]) -> None:
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_OPEN, _NAME, 80, 5, Resolver(["127.0.0.1", address]))
    assert connects == []


def test_t15_a_host_of_the_platform_is_not_connected_to(listener: Listener) -> None:
    guard = Guard(private=True, forbidden_hosts=frozenset({"localhost"}))
    for host in ("localhost", "127.0.0.1", "127.0.0.2", "::1", _NAME):
        with pytest.raises(Rejected, match="endpoint_refused"):
            open_socket(guard, host, listener.port, 5, Resolver(["127.0.0.1"]))
    assert listener.hits() == 0


def test_t16_a_name_that_turns_to_loopback_after_its_check_is_not_followed(
    listener: Listener, connects: list[str]
) -> None:
    """One attempt asks once, and connects to what it was told; the next one checks anew."""
    resolver = Resolver([_PUBLIC], ["127.0.0.1"])
    with pytest.raises(ConnectionRefusedError):
        open_socket(_CLOSED, _NAME, listener.port, 5, resolver)
    assert (connects, len(resolver.asked)) == ([_PUBLIC], 1)
    with pytest.raises(Rejected, match="endpoint_refused"):
        open_socket(_CLOSED, _NAME, listener.port, 5, resolver)
    assert (connects, len(resolver.asked)) == ([_PUBLIC], 2)
    assert listener.hits() == 0


def test_t16_no_look_up_comes_between_check_and_connect(connects: list[str]) -> None:
    resolver = Resolver([_PUBLIC, _PUBLIC_IPV6], ["127.0.0.1"])
    with pytest.raises(ConnectionRefusedError):
        open_socket(_CLOSED, _NAME, 443, 5, resolver)
    assert (connects, resolver.asked) == ([_PUBLIC, _PUBLIC_IPV6], [_NAME])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_host_is_connected_to(listener: Listener, host: str) -> None:
    with open_socket(_OPEN, host, listener.port, 5) as found:
        assert found.getpeername()[1] == listener.port
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert 0 < (found.gettimeout() or 0) <= 5
    assert listener.hits() == 1


def test_the_next_address_is_tried_where_one_does_not_answer(listener: Listener) -> None:
    resolver = Resolver(["127.0.0.3", "127.0.0.4", "127.0.0.1", "::1"])
    with open_socket(_OPEN, _NAME, listener.port, 5, resolver) as found:
        assert found.getpeername()[0] == "127.0.0.1"
    assert listener.hits() == 1


def test_an_address_that_comes_twice_is_tried_once(connects: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError):
        open_socket(_CLOSED, _NAME, 443, 5, Resolver([_PUBLIC, _PUBLIC]))
    assert connects == [_PUBLIC]


_SILENT = ("127.0.0.1", "127.0.0.5", "127.0.0.6")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of these addresses that answers nothing: its queues are full."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        for address in _SILENT:
            full = stack.enter_context(socket.socket())
            full.bind((address, port))
            full.listen(0)
            for _ in range(4):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex((address, port))
        yield port


def test_f31_silent_addresses_cost_no_more_than_the_seconds(silent: int) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        open_socket(_OPEN, _NAME, silent, 0.2, Resolver(_SILENT))
    assert time.monotonic() - began < 1.8


def test_f31_a_silent_address_leaves_time_for_the_next(silent: int) -> None:
    with socket.create_server(("127.0.0.2", silent)):
        resolver = Resolver(["127.0.0.1", "127.0.0.2"])
        with open_socket(_OPEN, _NAME, silent, 2.5, resolver) as found:
            assert found.getpeername()[0] == "127.0.0.2"


def test_f31_a_silent_resolver_costs_no_more_than_the_seconds() -> None:
    released = threading.Event()

    def resolve(*_: Any, **__: Any) -> Answer:
        released.wait(30)
        return []

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        open_socket(_OPEN, _NAME, 443, 0.1, resolve)
    assert time.monotonic() - began < 2
    released.set()


def test_a_name_that_is_not_known_is_not_reached() -> None:
    def resolve(*_: Any, **__: Any) -> Answer:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError, match="not known"):
        open_socket(_CLOSED, _NAME, 443, 5, resolve)
