"""A server that is a function: for what no well-behaved server would say."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from .certificates import Authority


class RawServer:
    """Listens on a free port of localhost and hands each connection to `talk`, in a thread.

    authority: TLS with its certificate; None: plain text. The connection ends with `talk`.
    """

    def __init__(
        self, talk: Callable[[socket.socket], None], authority: Authority | None = None
    ) -> None:
        self._talk = talk
        self._tls: ssl.SSLContext | None = None
        if authority:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(authority.cert_file, authority.key_file)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def wait(self) -> None:
        """Until each connection that was made has ended."""
        for thread in self._threads[1:]:
            thread.join(10)

    def close(self) -> None:
        """Ends everything that is still under way."""
        for sock in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._open.add(client)
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        # Whatever a client or a test's end does to the connection is no fault of the server's.
        with client, contextlib.suppress(OSError, ValueError):
            if self._tls is None:
                self._talk(client)
                return
            with self._tls.wrap_socket(client, server_side=True) as secure:
                self._open.add(secure)
                self._talk(secure)
