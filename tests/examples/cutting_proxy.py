"""A TCP proxy in front of a database that can swallow one answer: the cruellest moment to lose a connection."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_COMMIT = b"\x03COMMIT"  # the protocol's command byte for a statement, and the statement


class CuttingProxy:
    """Passes everything through. After `cut_next_commit()`, the next COMMIT reaches the database and is carried
    out there, and its answer is thrown away together with the connection."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed = threading.Event()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def cut_next_commit(self) -> None:
        """Arm it, once."""
        self._armed.set()

    def close(self) -> None:
        """Take no more connections; what is open ends with its client."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                cut = threading.Event()
                threading.Thread(target=self._forward, args=(client, server, cut), daemon=True).start()
                threading.Thread(target=self._return, args=(client, server, cut), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError), client, server:
            while data := client.recv(65536):
                if self._armed.is_set() and _COMMIT in data:
                    self._armed.clear()
                    cut.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _return(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError), client, server:
            while data := server.recv(65536):
                if cut.is_set():  # the database has answered, so the commit is done; nobody will hear of it
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
