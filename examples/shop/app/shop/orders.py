"""Take an order once, or not at all.

Every order carries a token that the customer's side has chosen. It is the order's name: whoever did not hear
the answer asks again with the same token and gets the same order, never a second one. The stock is taken and
the order is written in one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymysql.cursors import DictCursor

from .database import Database
from .errors import OutOfStockError, RefusedError

MOST_LINES = 100  # different products in one order
MOST_OF_ONE = 1000  # pieces of one product in one order
LONGEST_ADDRESS = 400  # characters

_TOKEN = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a customer asks for: product id -> pieces, under a token of their choice."""

    token: str
    quantities: Mapping[int, int] = field(default_factory=dict)
    recipient: str = ""
    address: str = ""

    @classmethod
    def parse(cls, body: object) -> OrderRequest:
        """Read {"token": str, "items": [{"product": id, "quantity": n}]}. Raises RefusedError with all problems."""
        if not isinstance(body, dict):
            raise RefusedError('send a JSON object: {"token": "...", "items": [{"product": 1, "quantity": 1}]}')
        problems: list[str] = []
        token = body.get("token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            problems.append("token: 1 to 64 letters, digits, or . _ : -")
        items = body.get("items")
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_LINES:
            raise RefusedError(*problems, f'items: a list of 1 to {MOST_LINES} of {{"product": id, "quantity": n}}')
        quantities: dict[int, int] = {}
        for number, item in enumerate(items):
            product, quantity = (item.get("product"), item.get("quantity")) if isinstance(item, dict) else (None, None)
            if not _whole(product) or not 0 < product < 2**31:
                problems.append(f"items[{number}].product: the number of a product")
            elif not _whole(quantity) or not 0 < quantity <= MOST_OF_ONE:
                problems.append(f"items[{number}].quantity: a whole number from 1 to {MOST_OF_ONE}")
            else:
                quantities[product] = quantities.get(product, 0) + quantity
        for name in ("recipient", "address"):
            if not isinstance(body.get(name, ""), str) or len(body.get(name, "")) > LONGEST_ADDRESS:
                problems.append(f"{name}: at most {LONGEST_ADDRESS} characters")
        if problems:
            raise RefusedError(*problems)
        return cls(token, quantities, body.get("recipient", "").strip(), body.get("address", "").strip())


def place(database: Database, request: OrderRequest) -> tuple[dict[str, Any], bool]:
    """Take the order; return it, and whether this call created it.

    An order whose commit was done but whose answer was lost counts as found, not as created. Raises RefusedError
    (unknown product), OutOfStockError, or UnavailableError: then it is unknown whether the order exists, and the same
    token must be used to ask again.
    """

    def attempt(cursor: DictCursor) -> tuple[dict[str, Any], bool]:
        if order := _load(cursor, request.token):
            return order, False
        # The token comes first: whoever brings the same one waits here, and then finds our order.
        cursor.execute(
            "INSERT INTO orders (token, recipient, address) VALUES (%s, %s, %s)",
            (request.token, request.recipient, request.address),
        )
        number = cursor.lastrowid
        prices = _prices(cursor, request.quantities)
        cursor.executemany(
            "INSERT INTO order_items (order_id, product_id, quantity, price_cents) VALUES (%s, %s, %s, %s)",
            [(number, product, quantity, prices[product]) for product, quantity in sorted(request.quantities.items())],
        )
        order = _load(cursor, request.token)
        assert order is not None, "a transaction sees what it has written"
        # The stock comes last. Whoever takes from a product that many want holds all of them up until its commit is
        # known to the other machines of the database, so nothing else may be left to do by then.
        _take_stock(cursor, request.quantities)
        return order, True

    return database.write(attempt)


def find(database: Database, token: str) -> dict[str, Any] | None:
    """The order with this token, read where orders are written: whoever has just ordered must see it."""
    return database.read_latest(lambda cursor: _load(cursor, token)) if _TOKEN.fullmatch(token) else None


def _prices(cursor: DictCursor, quantities: Mapping[int, int]) -> dict[int, int]:
    """The price of each product in cents. Raises RefusedError for what is none."""
    cursor.execute(
        f"SELECT id, price_cents FROM products WHERE id IN ({', '.join(['%s'] * len(quantities))})", list(quantities)
    )
    prices = {row["id"]: row["price_cents"] for row in cursor.fetchall()}
    if unknown := sorted(quantities.keys() - prices.keys()):
        raise RefusedError(*(f"product {product}: there is no such product" for product in unknown))
    return prices


def _take_stock(cursor: DictCursor, quantities: Mapping[int, int]) -> None:
    """Take the pieces, or raise OutOfStockError with all that is missing: then the caller takes none at all."""
    missing: list[dict[str, Any]] = []
    # Always by rising id: two orders can wait for each other, but never in a circle.
    for product, quantity in sorted(quantities.items()):
        cursor.execute(
            "UPDATE products SET stock = stock - %s WHERE id = %s AND stock >= %s", (quantity, product, quantity)
        )
        if not cursor.rowcount:
            cursor.execute("SELECT name, stock FROM products WHERE id = %s", (product,))
            found = cursor.fetchone() or {"name": "", "stock": 0}
            missing.append({"product": product, "name": found["name"], "wanted": quantity, "in_stock": found["stock"]})
    if missing:
        raise OutOfStockError(missing)


def _load(cursor: DictCursor, token: str) -> dict[str, Any] | None:
    cursor.execute("SELECT id, token, recipient, address, placed_at FROM orders WHERE token = %s", (token,))
    order = cursor.fetchone()
    if order is None:
        return None
    cursor.execute(
        "SELECT i.product_id AS product, p.name, i.quantity, i.price_cents"
        " FROM order_items i JOIN products p ON p.id = i.product_id WHERE i.order_id = %s ORDER BY i.product_id",
        (order["id"],),
    )
    items = list(cursor.fetchall())
    return {
        "id": order["id"],
        "token": order["token"],
        "recipient": order["recipient"],
        "address": order["address"],
        "placed_at": order["placed_at"].isoformat(timespec="milliseconds") + "Z",
        "items": items,
        "units": sum(item["quantity"] for item in items),
        "total_cents": sum(item["quantity"] * item["price_cents"] for item in items),
    }


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
