"""The shop for people."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from . import basket, catalogue, orders
from .database import Database
from .errors import OutOfStockError, RefusedError
from .orders import OrderRequest

routes = Blueprint("pages", __name__)


@routes.get("/")
def shelf() -> ResponseReturnValue:
    """The catalogue: ?q= words, ?category=, ?page=."""
    words = request.args.get("q", "").strip()[:80]
    category = request.args.get("category", "")[:40]
    page = request.args.get("page", default=1, type=int)
    found = catalogue.browse(_database(), words, category, page)
    return render_template("shelf.html", shelf=found, words=words, category=category)


@routes.get("/products/<int:number>")
def product(number: int) -> ResponseReturnValue:
    """One product, large, with companions."""
    found = catalogue.product(_database(), number) or abort(404, "We do not carry this, or not any more.")
    return render_template("product.html", product=found, companions=catalogue.companions(_database(), found))


@routes.get("/basket")
def show_basket() -> ResponseReturnValue:
    """What is in the basket."""
    return render_template("basket.html", basket=basket.look(_database()))


@routes.post("/basket")
def change_basket() -> ResponseReturnValue:
    """`product` and `quantity`; with `add`, on top of what is there."""
    number = request.form.get("product", default=0, type=int)
    quantity = request.form.get("quantity", default=1, type=int)
    if number < 1:
        abort(400, "Say which product.")
    if "add" in request.form:
        quantity = max(quantity, 0) + basket.quantities().get(number, 0)
    basket.put(number, quantity)
    return redirect(url_for("pages.show_basket"), 303)


@routes.get("/checkout")
def checkout() -> ResponseReturnValue:
    """The last look. The form carries the order's token: sent twice, it still is one order."""
    chosen = basket.look(_database())
    if not chosen.lines:
        return redirect(url_for("pages.show_basket"), 303)
    return render_template("checkout.html", basket=chosen, token=uuid.uuid4().hex, form={}, problems=[])


@routes.post("/checkout")
def order() -> ResponseReturnValue:
    """Take the order in the basket; then show it."""
    token = request.form.get("token", "")
    if not basket.quantities():  # sent twice, and the first one has emptied the basket
        return redirect(url_for("pages.show_order", token=token) if token else url_for("pages.show_basket"), 303)
    body = {
        "token": token,
        "items": [{"product": number, "quantity": pieces} for number, pieces in basket.quantities().items()],
        "recipient": request.form.get("recipient", ""),
        "address": request.form.get("address", ""),
    }
    questions = {"recipient": "who it is for", "address": "where it shall go"}
    problems = [f"Please tell us {question}." for name, question in questions.items() if not body[name].strip()]
    status = 400
    try:
        if not problems:
            orders.place(_database(), OrderRequest.parse(body))
            basket.clear()
            return redirect(url_for("pages.show_order", token=token), 303)
    except RefusedError as refusal:
        problems = list(refusal.problems)
    except OutOfStockError as shortage:
        problems = [f"Of {item['name']} there are only {item['in_stock']} left." for item in shortage.missing]
        status = 409
    again = {"token": token, "form": request.form, "problems": problems}
    return render_template("checkout.html", basket=basket.look(_database()), **again), status


@routes.get("/orders/<token>")
def show_order(token: str) -> ResponseReturnValue:
    """The receipt."""
    found = orders.find(_database(), token) or abort(404, "We have no order by this name.")
    pictures = catalogue.several(_database(), [item["product"] for item in found["items"]])
    return render_template("order.html", order=found, pictures=pictures)


@routes.app_context_processor
def _everywhere() -> dict[str, object]:
    return {"instance": current_app.config["INSTANCE"], "basket_pieces": basket.pieces()}


@routes.app_template_filter()
def euros(cents: int) -> str:
    """12900 -> '€129', 1234550 -> '€12,345.50'."""
    return f"€{cents / 100:,.2f}".removesuffix(".00")


@routes.app_template_filter()
def day(moment: str) -> str:
    """'2026-03-01T10:20:30.123Z' -> '1 March 2026, 10:20 UTC'."""
    when = datetime.fromisoformat(moment.removesuffix("Z"))
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def _database() -> Database:
    return current_app.extensions["database"]
