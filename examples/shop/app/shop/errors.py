"""What can go wrong in a way that somebody has to be told."""

from __future__ import annotations

from typing import Any


class ShopError(Exception):
    """Something that the shop knows how to explain."""


class UnavailableError(ShopError):
    """The database did not answer in time. Whether the last attempt was committed is not known."""


class RefusedError(ShopError):
    """This cannot be done as it is asked; asking again will not help. `problems` says all that is wrong."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class OutOfStockError(ShopError):
    """There is less of something than was asked for. `missing` holds product, name, wanted and in_stock of each."""

    def __init__(self, missing: list[dict[str, Any]]) -> None:
        super().__init__("not enough in stock")
        self.missing = missing
