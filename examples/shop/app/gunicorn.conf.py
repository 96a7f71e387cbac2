"""What gunicorn does beside serving. It reads this file by itself."""

from __future__ import annotations

import threading

from gunicorn.workers.base import Worker


def post_worker_init(worker: Worker) -> None:
    """A worker has loaded the shop: it meets the database beside whatever it is asked."""
    threading.Thread(target=worker.wsgi.extensions["database"].warm, daemon=True).start()
