"""What the environment tells the shop. Read once, at start; nothing else in the shop reads the environment."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

_DEVELOPMENT_DATABASE = "mysql://shop:shop@127.0.0.1:3306/shop"
_DEVELOPMENT_SECRET = "only for development: anyone can read this in the source"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database answers, and as whom to speak to it."""

    host: str
    port: int
    user: str
    password: str
    database: str
    authority: str = ""
    """The file with the certificate by which the database proves that it is ours; empty: it need not."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read `mysql://user:password@host:port/database?ssl_ca=file`. Raises ValueError for anything else."""
        parts = urlsplit(url)
        database = parts.path.strip("/")
        if parts.scheme not in ("mysql", "mariadb") or not parts.hostname or not database:
            raise ValueError("a database address looks like mysql://user:password@127.0.0.1:3306/shop")
        return cls(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(database),
            authority=dict(parse_qsl(parts.query)).get("ssl_ca", ""),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs from one place to another."""

    writer: Address
    reader: Address
    secret: str
    instance: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read DATABASE_URL, DATABASE_READ_URL (default: DATABASE_URL) and APP_SECRET."""
        writer_url = environment.get("DATABASE_URL", "")
        reader_url = environment.get("DATABASE_READ_URL", "") or writer_url
        return cls(
            writer=Address.parse(writer_url or _DEVELOPMENT_DATABASE),
            reader=Address.parse(reader_url or _DEVELOPMENT_DATABASE),
            secret=_secret(environment.get("APP_SECRET", ""), writer_url),
            instance=socket.gethostname(),
        )


def _secret(given: str, database_url: str) -> str:
    """The key that signs baskets. It must be the same in every instance, or baskets empty themselves.

    Without APP_SECRET it is derived from the database password, which is secret and the same everywhere.
    Without either, this is somebody's laptop, and the log says so.
    """
    if given:
        return given
    password = Address.parse(database_url).password if database_url else ""
    if password:
        return hashlib.sha256(b"shop basket cookie\0" + password.encode()).hexdigest()
    logging.getLogger("shop").warning("neither APP_SECRET nor DATABASE_URL is set: anyone can sign a basket")
    return _DEVELOPMENT_SECRET
