"""The shop for programs: JSON in, JSON out. Errors are {"error": {"code", "message", ...}}."""

from __future__ import annotations

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from . import catalogue, orders
from .errors import RefusedError
from .orders import OrderRequest

routes = Blueprint("api", __name__, url_prefix="/api")

MOST_PRODUCTS = 1000  # in one answer


@routes.get("/products")
def products() -> ResponseReturnValue:
    """?limit= (1 to 1000, default 100) and ?offset= (default 0)."""
    limit = _number("limit", default=100, least=1, most=MOST_PRODUCTS)
    offset = _number("offset", default=0, least=0, most=10**9)
    return {"products": catalogue.listing(current_app.extensions["database"], limit, offset)}


@routes.get("/products/<int:number>")
def product(number: int) -> ResponseReturnValue:
    """One product, with its description."""
    found = catalogue.product(current_app.extensions["database"], number)
    return found or (error("not-found", f"there is no product {number}"), 404)


@routes.post("/orders")
def order() -> ResponseReturnValue:
    """201: taken. 200: this token's order exists already. 400, 409: not taken. 503: ask again, same token."""
    wanted = OrderRequest.parse(request.get_json(force=True, silent=True))
    taken, created = orders.place(current_app.extensions["database"], wanted)
    return taken, 201 if created else 200


@routes.get("/orders/<token>")
def order_by_token(token: str) -> ResponseReturnValue:
    """The order, or 404: then no order with this token was ever acknowledged."""
    found = orders.find(current_app.extensions["database"], token)
    return found or (error("not-found", "there is no order with this token"), 404)


@routes.get("/stats")
def stats() -> ResponseReturnValue:
    """The sums of the whole shop, from one snapshot: units_sold + stock_left is always the same."""
    sums = catalogue.stock_and_sales(current_app.extensions["database"])
    return {**sums, "instance": current_app.config["INSTANCE"]}


def error(code: str, message: str, **details: object) -> dict[str, object]:
    """The one shape of an error."""
    return {"error": {"code": code, "message": message, **details}}


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= most:
        raise RefusedError(f"{name}: a whole number from {least} to {most}")
    return int(text)
