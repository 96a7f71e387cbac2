"""Lets servers without a network of their own reach package archives: a proxy in the test's process.

It goes out as any other program of this box does, and keeps what never changes, so that seven servers fetch a package
once. What it passes on is signed or encrypted end to end.
"""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import socket
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

KEPT = Path("/var/cache/outlast/test-packages")
PASSED_ON = ("Range", "If-Modified-Since", "If-Range", "User-Agent", "Accept")
LIMIT = 120.0


class _Proxy(BaseHTTPRequestHandler):
    """Plain requests are fetched, encrypted ones passed through."""

    protocol_version = "HTTP/1.1"
    locks: ClassVar[defaultdict[str, threading.Lock]] = defaultdict(threading.Lock)

    def do_GET(self) -> None:
        """What apt asks for."""
        if not self.path.endswith(".deb"):
            self._fetched()
            return
        path = KEPT / hashlib.sha256(self.path.encode()).hexdigest()
        with self.locks[path.name]:
            if not path.exists():
                with urlopen(Request(self.path), timeout=LIMIT) as answer, path.with_suffix(".new").open("wb") as new:
                    shutil.copyfileobj(answer, new)
                path.with_suffix(".new").replace(path)
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as held:
            shutil.copyfileobj(held, self.wfile)

    def do_CONNECT(self) -> None:
        """What pip asks for."""
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT) as there:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            ends = {self.connection: there, there: self.connection}
            while ready := select.select(list(ends), [], [], LIMIT)[0]:
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    ends[end].sendall(data)

    def _fetched(self) -> None:
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        try:
            with urlopen(Request(self.path, headers=headers), timeout=LIMIT) as answer:
                self._answer(answer.status, dict(answer.headers.items()), answer.read())
        except HTTPError as error:
            self._answer(error.code, {}, b"")
        except URLError as error:
            self._answer(502, {}, str(error.reason).encode())

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name in ("Last-Modified", "Content-Type", "Content-Range"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
        """Say nothing: tests have their own words."""


@contextmanager
def serving(address: str) -> Generator[str]:
    """A proxy at this address of the box while the context lasts; answers its URL."""
    KEPT.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer((address, 0), _Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def settings_of_pip(proxy: str, authorities: str) -> str:
    """What a server's pip is told, as an administrator would: the proxy, and whom to trust."""
    index = os.environ.get("PIP_INDEX_URL", "")
    own = f"index-url = {index}\n" if index else ""
    return f"[global]\nproxy = {proxy}\ncert = {authorities}\n{own}"
