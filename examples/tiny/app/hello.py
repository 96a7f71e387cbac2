"""Say hello, and who says it. Nothing but Python's standard library.

Listens on HOST and PORT. On SIGTERM it takes no new connections, finishes the answers it has begun, and ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 10.0  # seconds to finish answers in
INSTANCE = socket.gethostname()
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hello</title>
<style>
  body {{ margin: 0; min-height: 100vh; display: grid; place-content: center; text-align: center;
         background: #23473a; color: #f7eedb; font: 20px/1.5 Georgia, "DejaVu Serif", serif; }}
  h1 {{ margin: 0; font-size: 18vmin; line-height: 1; }}
  code {{ padding: 2px 10px; border-radius: 6px; background: #ffffff1c; }}
</style>
<h1>Hello.</h1>
<p>This is <code>{instance}</code> speaking. Load the page again: another may answer.</p>
</html>
"""


class Server(ThreadingHTTPServer):
    """One thread for each connection. It knows how many of them are answering and how many only wait."""

    request_queue_size = 512

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Hello)
        self._changed = threading.Condition()
        self._answers = 0

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Around each answer."""
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    def finish(self) -> None:
        """Wait until every answer that was begun is given, but not longer than PATIENCE."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers == 0, timeout=PATIENCE)

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody who hangs up early, as health checks do, is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]

    def _count(self, step: int) -> None:
        with self._changed:
            self._answers += step
            self._changed.notify_all()


class Hello(BaseHTTPRequestHandler):
    """One customer's connection, in its own thread."""

    server: Server
    protocol_version = "HTTP/1.1"  # keeps the connection open for the next request
    timeout = 65  # seconds to wait for that request

    def do_GET(self) -> None:
        """`/` is the page, `/healthz` is for the load balancers."""
        path = self.path.partition("?")[0]
        with self.server.answering():
            if path == "/":
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", PAGE.format(instance=INSTANCE))
            elif path == "/healthz":
                self._answer(HTTPStatus.OK, "application/json", json.dumps({"status": "ok", "instance": INSTANCE}))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "There is only one page here: /\n")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """The load balancers keep the access log."""

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", INSTANCE)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))))

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()  # shutdown waits for the loop that runs this handler

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.1)
    server.socket.close()
    server.finish()


if __name__ == "__main__":
    main()
