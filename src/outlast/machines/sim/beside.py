"""Stand-ins for what goes on beside a program on a simulated machine: its reader, other threads, signals, sockets.

A thread's work is done when it is started; no signal comes; a socket reaches what packets of the machine reach.
"""

# pyright: basic
# Stand-ins take whatever the real modules take: their types are those of the programs that run here.

from __future__ import annotations

import io
import signal
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Reader(io.StringIO):
    """Whoever reads a program's lines while it runs. `take` gets each; `leave` is how it stops reading."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take
        self._begun = ""
        self._left = threading.Event()

    def write(self, text: str) -> int:
        """What the program prints; a broken pipe once nobody reads."""
        if self._left.is_set():
            raise BrokenPipeError
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def leave(self) -> None:
        """Read no more. The program hears of it when it prints, and sleeps no longer."""
        self._left.set()

    def pause(self, seconds: float) -> None:
        """Sleep, unless nobody reads."""
        self._left.wait(seconds)


def signals() -> SimpleNamespace:
    """The module `signal`."""
    return SimpleNamespace(signal=lambda *_: None, alarm=lambda _: None, SIGALRM=signal.SIGALRM, SIGKILL=signal.SIGKILL)


def threads() -> SimpleNamespace:
    """The module `threading`."""

    class Thread:
        def __init__(self, *, target: Callable[..., None], args: tuple[Any, ...] = (), daemon: bool = False) -> None:
            del daemon
            self.start = lambda: target(*args)

    return SimpleNamespace(Thread=Thread, Lock=threading.Lock)


def sockets(connects: Callable[[str, int], bytes | None]) -> SimpleNamespace:
    """The module `socket`. `connects` answers what a port says to anybody, None when nothing gets there."""

    class Socket:
        def __init__(self, *_: object) -> None:
            self._said = b""

        def __enter__(self) -> Socket:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def settimeout(self, _seconds: float) -> None:
            pass

        def connect(self, _path: str) -> None:
            # Engines of a simulation are models, and these have no sockets in the file system.
            raise FileNotFoundError

        def sendall(self, _said: bytes) -> None:
            pass

        def recv(self, size: int) -> bytes:
            said, self._said = self._said[:size], self._said[size:]
            return said

    def create_connection(address: tuple[str, int], timeout: float | None = None) -> Socket:
        del timeout
        said = connects(*address)
        if said is None:
            raise TimeoutError
        opened = Socket()
        opened._said = said
        return opened

    return SimpleNamespace(socket=Socket, create_connection=create_connection, AF_UNIX=socket.AF_UNIX)
