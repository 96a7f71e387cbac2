"""What customers and programs are told when something does not work."""

from __future__ import annotations

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from .api import error
from .errors import OutOfStockError, RefusedError, UnavailableError


def register(shop: Flask) -> None:
    """Answer every known failure in the language of whoever asks: JSON below /api, pages elsewhere."""

    @shop.errorhandler(RefusedError)
    def refused(problem: RefusedError) -> ResponseReturnValue:
        return _answer(400, "bad-request", "this cannot be done as asked", problems=list(problem.problems))

    @shop.errorhandler(OutOfStockError)
    def out_of_stock(problem: OutOfStockError) -> ResponseReturnValue:
        return _answer(409, "out-of-stock", "there is not enough in stock", missing=problem.missing)

    @shop.errorhandler(UnavailableError)
    def unavailable(problem: UnavailableError) -> ResponseReturnValue:
        current_app.logger.warning("%s %s: the database is away: %s", request.method, request.path, problem)
        text = "the database is away for a moment; ask again with the same token, nothing will be ordered twice"
        return *_answer(503, "unavailable", text), {"Retry-After": "1"}

    @shop.errorhandler(HTTPException)
    def other(problem: HTTPException) -> ResponseReturnValue:
        code = (problem.name or "error").lower().replace(" ", "-")
        return _answer(problem.code or 500, code, problem.description or "")


def _answer(status: int, code: str, message: str, **details: object) -> tuple[object, int]:
    if request.path.startswith("/api/"):
        return error(code, message, **details), status
    return render_template("fault.html", status=status, message=message, **details), status
