"""Look at the goods. Nothing here writes, and nothing here needs the very latest row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymysql.cursors import DictCursor

from .database import Database

PAGE = 24  # products on one page

_COLUMNS = "id, name, category, kind, material, size, summary, maker, years, price_cents, stock"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of search results, with what is needed to draw the page's navigation."""

    products: list[dict[str, Any]]
    found: int
    page: int
    pages: int
    categories: list[dict[str, Any]]


def browse(database: Database, words: str, category: str, page: int) -> Shelf:
    """Products with all of the words in their text, of one category or all; `page` counts from 1."""
    conditions, values = _matching(words)

    def work(cursor: DictCursor) -> Shelf:
        cursor.execute(
            f"SELECT category, COUNT(*) AS products FROM products WHERE {conditions} GROUP BY category"
            " ORDER BY category",
            values,
        )
        categories = list(cursor.fetchall())
        found = sum(row["products"] for row in categories if category in ("", row["category"]))
        pages = max(1, -(-found // PAGE))
        shown = min(max(page, 1), pages)
        cursor.execute(
            f"SELECT {_COLUMNS} FROM products WHERE {conditions} AND (%s = '' OR category = %s)"
            " ORDER BY id LIMIT %s OFFSET %s",
            [*values, category, category, PAGE, (shown - 1) * PAGE],
        )
        return Shelf(list(cursor.fetchall()), found, shown, pages, categories)

    return database.read(work)


def listing(database: Database, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Products by id: `limit` of them, after the first `offset`."""

    def work(cursor: DictCursor) -> list[dict[str, Any]]:
        cursor.execute(f"SELECT {_COLUMNS} FROM products ORDER BY id LIMIT %s OFFSET %s", (limit, offset))
        return list(cursor.fetchall())

    return database.read(work)


def product(database: Database, number: int) -> dict[str, Any] | None:
    """One product, with its long description."""

    def work(cursor: DictCursor) -> dict[str, Any] | None:
        cursor.execute(f"SELECT {_COLUMNS}, description FROM products WHERE id = %s", (number,))
        return cursor.fetchone()

    return database.read(work)


def several(database: Database, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """The products with these ids, by id; those that do not exist are left out."""
    if not numbers:
        return {}

    def work(cursor: DictCursor) -> dict[int, dict[str, Any]]:
        cursor.execute(f"SELECT {_COLUMNS} FROM products WHERE id IN ({', '.join(['%s'] * len(numbers))})", numbers)
        return {row["id"]: row for row in cursor.fetchall()}

    return database.read(work)


def companions(database: Database, to: dict[str, Any], count: int = 4) -> list[dict[str, Any]]:
    """Other things from the same shelf, for the foot of a product's page."""

    def work(cursor: DictCursor) -> list[dict[str, Any]]:
        cursor.execute(
            # Any of each other kind, then a second of each: by lot, but the same lot for everybody.
            f"SELECT {_COLUMNS} FROM products WHERE category = %s AND kind <> %s"
            " ORDER BY ROW_NUMBER() OVER (PARTITION BY kind ORDER BY CRC32(CONCAT(id, '/', %s))), kind LIMIT %s",
            (to["category"], to["kind"], to["id"], count),
        )
        return list(cursor.fetchall())

    return database.read(work)


def stock_and_sales(database: Database) -> dict[str, int]:
    """The shop's sums, all from one snapshot at the writer: units_sold + stock_left never changes."""

    def work(cursor: DictCursor) -> dict[str, int]:
        cursor.execute(
            "SELECT (SELECT COUNT(*) FROM products) AS products, (SELECT COUNT(*) FROM orders) AS orders,"
            " (SELECT COALESCE(SUM(quantity), 0) FROM order_items) AS units_sold,"
            " (SELECT COALESCE(SUM(stock), 0) FROM products) AS stock_left"
        )
        return {name: int(value) for name, value in cursor.fetchone().items()}

    return database.read_latest(work)


def _matching(words: str) -> tuple[str, list[str]]:
    """A condition on the products' text, and its values. Every word must be found somewhere."""
    patterns = [f"%{_literally(word)}%" for word in words.split()[:8]]
    text = "CONCAT_WS(' ', name, category, kind, material, summary, maker)"
    return " AND ".join(["TRUE", *([f"{text} LIKE %s"] * len(patterns))]), patterns


def _literally(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
