"""The files of the peer: etcd, Patroni and HAProxy, each as fast as its makers permit.

Patroni's least are a `ttl` of 20 s, a `loop_wait` of 1 s and a `retry_timeout` of 3 s: smaller ones are raised to these
when it reads them (patroni/config.py, `_validate_and_adjust_timeouts`; docs/dynamic_configuration.rst), because shorter
ones "will just get a lot of false positives" (patroni#2040).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

import yaml

DATA = "/var/lib/postgresql/peers"
BINARIES = "/usr/lib/postgresql/17/bin"
TTL, LOOP_WAIT, RETRY_TIMEOUT = 20, 1, 3
API_PORT = 8008
DATABASE_PORT = 5432
URL = f"postgresql://postgres@127.0.0.1:{DATABASE_PORT}/postgres"
# The lab's network is the bench's alone.
ACCESS = ("local all all trust", "host all all 0.0.0.0/0 trust", "host replication all 0.0.0.0/0 trust")
PARAMETERS = {
    # Nothing acknowledged is lost: a commit is on the disk here, and on that of the synchronous replica.
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_log_hints": "on",
    # As much as the buffer pool of the others.
    "shared_buffers": "256MB",
    # By default a replica that did not find its new leader at once waits for 5 s, and commits wait for the replica.
    "wal_retrieve_retry_interval": "100ms",
}


def etcd(name: str, members: Mapping[str, IPv4Address]) -> str:
    """/etc/default/etcd of one member."""
    own = members[name]
    settings = {
        "ETCD_NAME": name,
        "ETCD_LISTEN_PEER_URLS": f"http://{own}:2380",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{own}:2380",
        "ETCD_LISTEN_CLIENT_URLS": f"http://{own}:2379",
        "ETCD_ADVERTISE_CLIENT_URLS": f"http://{own}:2379",
        "ETCD_INITIAL_CLUSTER": ",".join(f"{member}=http://{address}:2380" for member, address in members.items()),
        "ETCD_INITIAL_CLUSTER_STATE": "new",
    }
    return "".join(f'{key}="{value}"\n' for key, value in settings.items())


def patroni(name: str, address: IPv4Address, voters: Mapping[str, IPv4Address]) -> str:
    """/etc/patroni/config.yml of one member."""
    shared = {
        "ttl": TTL,
        "loop_wait": LOOP_WAIT,
        "retry_timeout": RETRY_TIMEOUT,
        # A crash is answered by a failover at once, not by waiting for the start of the same server.
        "primary_start_timeout": 0,
        "synchronous_mode": True,
        "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": PARAMETERS, "pg_hba": [*ACCESS]},
    }
    account = {"username": "postgres", "password": "unused"}
    return yaml.safe_dump(
        {
            "scope": "peers",
            "name": name,
            "restapi": {"listen": f"{address}:{API_PORT}", "connect_address": f"{address}:{API_PORT}"},
            "etcd3": {"hosts": [f"{voter}:2379" for voter in voters.values()]},
            "bootstrap": {"dcs": shared, "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"]},
            "postgresql": {
                "listen": f"{address}:{DATABASE_PORT}",
                "connect_address": f"{address}:{DATABASE_PORT}",
                "data_dir": DATA,
                "bin_dir": BINARIES,
                "authentication": {"superuser": account, "replication": account},
                "pg_hba": [*ACCESS],
                "parameters": {"unix_socket_directories": "/run/postgresql"},
            },
        }
    )


def haproxy(members: Mapping[str, IPv4Address]) -> str:
    """/etc/haproxy/haproxy.cfg: the limits of Outlast's own database proxy, with faster checks."""
    servers = "\n".join(f"    server {name} {address}:{DATABASE_PORT}" for name, address in members.items())
    return f"""\
global
    maxconn 2000
defaults
    mode tcp
    timeout connect 400ms
    timeout client 9h
    timeout server 9h
    timeout check 200ms
    timeout queue 5s
    retries 2
    option redispatch 1
listen database
    bind 127.0.0.1:{DATABASE_PORT}
    option httpchk
    http-check send meth GET uri /primary ver HTTP/1.1 hdr host database
    http-check expect status 200
    default-server check port {API_PORT} inter 100ms fastinter 50ms downinter 100ms fall 2 rise 1
    default-server on-marked-down shutdown-sessions
{servers}
"""
