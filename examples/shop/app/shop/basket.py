"""The basket: a signed cookie, so that any instance can serve any customer's next request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import session

from . import catalogue
from .database import Database
from .orders import MOST_LINES, MOST_OF_ONE


@dataclass(frozen=True, slots=True)
class Line:
    """One product in the basket, and how many of it."""

    product: dict[str, Any]
    quantity: int

    @property
    def cents(self) -> int:
        """The price of the whole line."""
        return self.product["price_cents"] * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines, and what they come to."""

    lines: list[Line]

    @property
    def cents(self) -> int:
        """What all of it costs."""
        return sum(line.cents for line in self.lines)

    @property
    def years(self) -> int:
        """What all of it should last, added up."""
        return sum(line.product["years"] * line.quantity for line in self.lines)


def quantities() -> dict[int, int]:
    """Product id -> pieces."""
    return {int(number): quantity for number, quantity in session.get("items", {}).items()}


def put(product: int, quantity: int) -> None:
    """Have exactly this many of a product; none takes it out. What is beyond the limits is left out."""
    items = quantities()
    if quantity > 0 and (product in items or len(items) < MOST_LINES):
        items[product] = min(quantity, MOST_OF_ONE)
    elif quantity <= 0:
        items.pop(product, None)
    _keep(items)


def clear() -> None:
    """After an order."""
    session.pop("items", None)


def pieces() -> int:
    """For the badge in the header."""
    return sum(quantities().values())


def look(database: Database) -> Basket:
    """The basket with today's names and prices; what is no longer sold is gone."""
    items = quantities()
    products = catalogue.several(database, sorted(items))
    return Basket([Line(products[number], quantity) for number, quantity in items.items() if number in products])


def _keep(items: Mapping[int, int]) -> None:
    session["items"] = {str(number): quantity for number, quantity in items.items()}
