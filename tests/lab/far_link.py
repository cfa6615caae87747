"""A link on which the packets of one port take a while, so that TCP itself sees the distance.

A program on it runs in a network namespace of its own, whose only way out is a TUN device;
127.0.0.1 is at its other end, so addresses and certificates stay what they are. A proxy would not
do: its TCP ends here, and handshakes and windows would know nothing of the distance. It takes root
and /dev/net/tun, but neither netem nor iproute2: the link is the same on every kernel.
https://docs.kernel.org/networking/tuntap.html
"""

import contextlib
import fcntl
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

_TUN = Path("/dev/net/tun")
_LOOPBACK = "127.0.0.1"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCADDRT, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFDSTADDR = 0x890B, 0x8914, 0x8916, 0x8918
_IFF_UP = 0x1
_RTF_UP, _RTF_GATEWAY, _RTF_HOST = 0x1, 0x2, 0x4
_PACKET_BYTES = 65_536
_TCP = 6


def hindrance() -> str:
    """Why there can be no such link here; '' where there can."""
    if sys.platform != "linux" or not _TUN.exists():
        return "there is no /dev/net/tun"
    return "" if os.geteuid() == 0 else "it takes root"


class FarLink:
    """Packets from and to `port` take `milliseconds` there and back, all others none."""

    def __init__(self, port: int, milliseconds: float) -> None:
        self._port = port.to_bytes(2, "big")
        self._one_way_seconds = milliseconds / 2000
        self._near, name = _tun()
        # Devices of one namespace have different numbers, and so links have different addresses.
        self._ends = _ends(int(name.removeprefix("tun")))
        _bring_up(name, *self._ends)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def placed(self, command: Sequence[str]) -> tuple[list[str], list[socket.socket]]:
        """The command that runs a program at the far end, and what it has to inherit."""
        ours, theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._join, args=(ours,), daemon=True)
        self._thread.start()
        enter = [sys.executable, "-m", __spec__.name, str(theirs.fileno()), *self._ends]
        return [*enter, *command], [theirs]

    def close(self) -> None:
        self._ending.set()
        if self._thread:
            self._thread.join()
        os.close(self._near)

    def _join(self, ours: socket.socket) -> None:
        with ours:
            _, found, _, _ = socket.recv_fds(ours, 1, 1)
        if found:
            try:
                self._pass(found[0])
            finally:
                os.close(found[0])

    def _pass(self, far: int) -> None:
        """Until the namespace ends, and its device with it."""
        other = {self._near: far, far: self._near}
        waiting: deque[tuple[float, int, bytes]] = deque()
        while not self._ending.is_set():
            wait = max(waiting[0][0] - time.monotonic(), 0) if waiting else 0.05
            for came in select.select(other, [], [], wait)[0]:
                try:
                    packet = os.read(came, _PACKET_BYTES)
                except OSError:
                    return
                if self._is_far(packet):
                    due = time.monotonic() + self._one_way_seconds
                    waiting.append((due, other[came], packet))
                else:
                    _write(other[came], packet)
            while waiting and waiting[0][0] <= time.monotonic():
                _, to, packet = waiting.popleft()
                _write(to, packet)

    def _is_far(self, packet: bytes) -> bool:
        header = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or packet[9] != _TCP:
            return False
        return self._port in (packet[header : header + 2], packet[header + 2 : header + 4])


def _write(device: int, packet: bytes) -> None:
    """A device whose namespace is going takes nothing: the packet is lost, as packets are."""
    with contextlib.suppress(OSError):
        os.write(device, packet)


def _ends(number: int) -> tuple[str, str]:
    """Addresses of the near and the far end of a link."""
    return f"10.254.{number % 256}.1", f"10.254.{number % 256}.2"


def _tun() -> tuple[int, str]:
    """A TUN device in the namespace of this process: its descriptor and its name."""
    device = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    wanted = struct.pack("16sH22x", b"tun%d", _IFF_TUN | _IFF_NO_PI)
    return device, fcntl.ioctl(device, _TUNSETIFF, wanted)[:16].rstrip(b"\0").decode()


def _bring_up(name: str, own: str, peer: str) -> None:
    # Packets from and to 127.0.0.1 may pass here, and nowhere else.
    Path(f"/proc/sys/net/ipv4/conf/{name}/route_localnet").write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, address in ((_SIOCSIFADDR, own), (_SIOCSIFDSTADDR, peer)):
            wanted = struct.pack("16s16s8x", name.encode(), _sockaddr(address))
            fcntl.ioctl(control, request, wanted)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), _IFF_UP))


def _route(address: str, gateway: str) -> None:
    """The way to one address (`struct rtentry`)."""
    flags = _RTF_UP | _RTF_GATEWAY | _RTF_HOST
    entry = struct.pack(
        "@L16s16s16sHhLPhPLLH", 0, _sockaddr(address), _sockaddr(gateway), b"", flags, *[0] * 8
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCADDRT, entry)


def _sockaddr(address: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def _enter(link: socket.socket, near: str, far: str, command: list[str]) -> None:
    """Becomes the command, in a namespace whose 127.0.0.1 is at the other end of the link."""
    os.unshare(os.CLONE_NEWNET)
    device, name = _tun()
    _bring_up(name, far, near)
    _route(_LOOPBACK, near)
    # A server may say that it is at 127.0.0.1, though nobody comes to it there.
    Path("/proc/sys/net/ipv4/ip_nonlocal_bind").write_text("1")
    socket.send_fds(link, [b"t"], [device])
    os.close(device)
    link.close()
    os.execvp(command[0], command)


if __name__ == "__main__":
    _enter(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3], sys.argv[4:])
