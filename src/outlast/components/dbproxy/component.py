"""A local HAProxy on every machine that uses the database: writes to one member, reads to all."""

from __future__ import annotations

from outlast.components.dbproxy.model import MODEL
from outlast.components.dbproxy.options import ProxyOptions
from outlast.components.dbproxy.probe import parse
from outlast.components.dbproxy.render import render
from outlast.contract.component import Beside, Claim, Component
from outlast.contract.identity import AUTHORITY
from outlast.contract.interface import Provided, Reach, Required, Variable
from outlast.contract.secret import password

READER_PORT = 3307
# Braces stay for the variable's own fields. The reading account may only read, so that no write goes astray.
PASSWORD = password("database/{account}")
# From the app's driver to the member itself: the proxy between them passes it on. The name is SQLAlchemy's.
TLS = f"ssl_ca={AUTHORITY}"
WRITE_URL = Variable("DATABASE_URL", f"mysql://{{account}}:{PASSWORD}@{{address}}:{{port}}/{{site}}?{TLS}")
READ_URL = Variable(
    "DATABASE_READ_URL", f"mysql://{{account}}_read:{PASSWORD}@{{address}}:{READER_PORT}/{{site}}?{TLS}"
)


def _provides(_options: ProxyOptions, _index: int) -> tuple[Provided, ...]:
    return (
        Provided("database", port=3306, loopback=True, environment=(WRITE_URL, READ_URL)),
        Provided("database-reader", port=READER_PORT, loopback=True),
        Provided("dbproxy-peers", port=10306),
    )


def _requires(_options: ProxyOptions) -> tuple[Required, ...]:
    return (
        Required("mysql", Reach.DATACENTER),
        Required("mysql-health", Reach.DATACENTER),
        # The proxies tell each other who is written to. A single one has nobody to tell.
        Required("dbproxy-peers", Reach.CLUSTER, optional=True),
    )


def _packages(_options: ProxyOptions) -> tuple[str, ...]:
    return ("haproxy",)


COMPONENT = Component(
    name="dbproxy",
    summary="The way to the database: a local address that always leads to the right member",
    claim=Claim("dbproxy", default=True),
    options=ProxyOptions,
    placement=Beside("database"),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    settle=30.0,
    model=MODEL,
    presets={
        "fast": {"check": "100ms", "deadline": "150ms"},
        "patient": {"check": "1s", "deadline": "1s"},
    },
)
