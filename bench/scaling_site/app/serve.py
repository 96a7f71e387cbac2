"""An app of known capacity: eight requests at a time, each takes 200 ms, so one machine serves 40 in a second."""

import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOTS, SECONDS = threading.Semaphore(8), 0.2


class Handler(BaseHTTPRequestHandler):
    """Answers its machine's name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Work, unless only its health is asked for."""
        if self.path != "/healthz":
            with SLOTS:
                time.sleep(SECONDS)
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, _format: str, *_values: object) -> None:
        """Say nothing: a line for each request would be a load of its own."""


class Server(ThreadingHTTPServer):
    """As many may wait as come."""

    daemon_threads = True
    request_queue_size = 1024


Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
