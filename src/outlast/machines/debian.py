"""What every machine of a site has, whoever made it: Debian 13, its packages, and what these must not start.

The lab puts it into an image, servers get it over SSH.
"""

from __future__ import annotations

SUITE = "trixie"
VERSION = "13"
BASE = (
    "ca-certificates",
    "curl",
    "dbus",
    "iproute2",
    "less",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-pip",
    "python3-venv",
    "systemd",
    "systemd-sysv",
)
# They would take the engines' ports.
ENGINE_SOCKETS = ("mariadb.socket", "mariadb-extra.socket")
# What packages make at their installation, and every member must make for itself.
EMPTIED = ("var/lib/mysql", "var/lib/etcd", "var/lib/rabbitmq")
