"""Where and as whom a machine is logged in to."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom a machine is logged in to. Anybody but root acts by `sudo`, which must ask for nothing."""

    address: IPv4Address
    key: Path
    known_hosts: Path
    user: str = "root"
    port: int = SSH_PORT


def client(login: Login) -> tuple[str, ...]:
    """The OpenSSH client for a person, told the same key and host key, and nothing of the operator's own settings."""
    # OpenSSH reads quotes and per cent signs in the paths of its options.
    known_hosts = str(login.known_hosts).replace("%", "%%")
    options = {
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
    }
    flags = (word for name, value in options.items() for word in ("-o", f"{name}={value}"))
    port = () if login.port == SSH_PORT else ("-p", str(login.port))
    return ("ssh", "-F", "none", "-i", str(login.key), *flags, *port, f"{login.user}@{login.address}")


def pinned(address: IPv4Address, port: int) -> str:
    """What a host is called in a file of known hosts (sshd(8))."""
    return str(address) if port == SSH_PORT else f"[{address}]:{port}"
