"""Make the database fit this release: `python -m shop.migrate`.

Runs before a release takes traffic, while the previous one still serves: it may add, and must never take away
what the previous release needs. Running it again changes nothing; stock that has been sold stays sold.
"""

from __future__ import annotations

import logging
import sys
import time

from pymysql.cursors import DictCursor

from .database import Database
from .errors import UnavailableError
from .goods import Product, all_products
from .settings import Settings

PATIENCE = 60.0  # seconds to wait for a database
ROWS = 200  # products in one statement

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS products (
        id          INT UNSIGNED  NOT NULL PRIMARY KEY,
        name        VARCHAR(120)  NOT NULL,
        category    VARCHAR(40)   NOT NULL,
        kind        VARCHAR(40)   NOT NULL,
        material    VARCHAR(40)   NOT NULL,
        size        VARCHAR(40)   NOT NULL,
        maker       VARCHAR(80)   NOT NULL,
        years       INT UNSIGNED  NOT NULL COMMENT 'how long it should last',
        summary     VARCHAR(255)  NOT NULL,
        description TEXT          NOT NULL,
        price_cents INT UNSIGNED  NOT NULL,
        stock       INT UNSIGNED  NOT NULL,
        KEY by_category (category, id)
    ) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
    """,
    """
    CREATE TABLE IF NOT EXISTS orders (
        id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        token     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        recipient VARCHAR(400) NOT NULL DEFAULT '',
        address   VARCHAR(400) NOT NULL DEFAULT '',
        placed_at DATETIME(3)  NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
        UNIQUE KEY one_order_for_one_token (token)
    ) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
    """,
    # No foreign keys: the one place that writes orders takes the stock of each product in the same transaction.
    """
    CREATE TABLE IF NOT EXISTS order_items (
        order_id    BIGINT UNSIGNED NOT NULL,
        product_id  INT UNSIGNED    NOT NULL,
        quantity    INT UNSIGNED    NOT NULL,
        price_cents INT UNSIGNED    NOT NULL,
        PRIMARY KEY (order_id, product_id)
    ) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
    """,
)

# Texts and prices follow the release; the stock is the database's own and is set only once.
_COLUMNS = Product.__match_args__
_SEED = (
    f"INSERT INTO products ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
    " ON DUPLICATE KEY UPDATE "
    + ", ".join(f"{column} = VALUES({column})" for column in _COLUMNS if column not in ("id", "stock"))
)


def migrate(database: Database, patience: float = PATIENCE) -> int:
    """Create what is missing and bring the catalogue up to date; returns the number of products.

    Raises UnavailableError after `patience` seconds without a database.
    """
    products = [tuple(getattr(product, column) for column in _COLUMNS) for product in all_products()]

    def create(cursor: DictCursor) -> None:
        for table in _TABLES:
            cursor.execute(table)

    def seed(cursor: DictCursor) -> None:
        for first in range(0, len(products), ROWS):
            cursor.executemany(_SEED, products[first : first + ROWS])

    database.write(create, patience)
    database.write(seed, patience)
    return len(products)


def main() -> int:
    """Returns the exit code: 0 done, 1 when the database stayed away."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    settings = Settings.from_environment()
    began = time.monotonic()
    try:
        count = migrate(Database(settings.writer, settings.reader))
    except UnavailableError as error:
        where = f"{settings.writer.host}:{settings.writer.port}"
        logging.error("migrate: no database at %s within %.0f s (%s)", where, PATIENCE, error)
        return 1
    logging.info("migrate: %d products are on the shelves (%.1f s)", count, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
