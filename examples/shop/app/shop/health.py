"""Two questions that are not the same: does this instance work, and can it take an order right now?

A load balancer asks the first. It must not depend on the database: when the writer moves, every instance loses
it in the same second, and a balancer that believed them all would take down the whole site instead of letting
the requests wait that second out. The second question is for people and for alarms.
"""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from .errors import UnavailableError

routes = Blueprint("health", __name__)


@routes.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 whenever this process has a thread to spare; no answer means that it has not."""
    return {"status": "ok", "instance": current_app.config["INSTANCE"]}


@routes.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 when the database answers and has the shop's tables, otherwise 503 and the reason."""
    try:
        current_app.extensions["database"].ready()
    except UnavailableError as error:
        return {"status": "unavailable", "instance": current_app.config["INSTANCE"], "because": str(error)}, 503
    return {"status": "ok", "instance": current_app.config["INSTANCE"]}
