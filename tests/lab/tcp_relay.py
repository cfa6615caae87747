"""A relay of TCP that understands nothing and counts: round trips as the wire has them."""

import selectors
import socket
from dataclasses import dataclass

from .raw_server import RawServer


@dataclass(slots=True)
class Connection:
    """One that a client made.

    round_trips: the handshake of TCP, and each answer that the client waited for before it went
    on. handshake_bytes: what the server sent before it was spoken to a second time. sent_bytes,
    received_bytes: by the client, in all.
    """

    round_trips: int = 1
    handshake_bytes: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    turns: int = 0
    server_spoke: bool = False

    def from_client(self, size: int) -> None:
        self.sent_bytes += size
        if self.server_spoke:
            self.round_trips += 1
        if self.server_spoke or not self.turns:
            self.turns += 1
        self.server_spoke = False

    def from_server(self, size: int) -> None:
        self.server_spoke = True
        self.received_bytes += size
        if self.turns == 1:
            self.handshake_bytes += size


class TcpRelay:
    """Listens on `port` of localhost and passes everything to `target`, a port there.

    cut_next: the next connection that is made ends with the client's first bytes.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.cut_next = False
        self.connections: list[Connection] = []
        self._server = RawServer(self._pass)
        self.port = self._server.port

    def close(self) -> None:
        self._server.close()

    def _pass(self, client: socket.socket) -> None:
        # The connection of before may still be saying its farewell: it is not what is cut.
        cut, self.cut_next = self.cut_next, False
        counted = Connection()
        self.connections.append(counted)
        with (
            socket.create_connection(("127.0.0.1", self.target)) as server,
            selectors.DefaultSelector() as ready,
        ):
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65_536)
                    if not data or cut:
                        return
                    if key.fileobj is client:
                        counted.from_client(len(data))
                    else:
                        counted.from_server(len(data))
                    key.data.sendall(data)
