"""Opens the connection to a machine behind SSH, and says why there is none."""

from __future__ import annotations

import asyncio

import asyncssh

from outlast.kernel.errors import Finding, Unreachable
from outlast.machines.machine import unanswered
from outlast.machines.ssh.login import Login, pinned
from outlast.machines.ssh.machine import SESSIONS, SUDO, SshMachine

# A connection whose other end is silent for KEEPALIVE x KEEPALIVES seconds is given up, with every call on it.
KEEPALIVE, KEEPALIVES = 2.0, 3
# First those that take 4 us of a processor for a packet of ours, where asyncssh's first choice takes 20 (measured).
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")

# RFC 4253, 4.2.
GREETING = b"SSH-2.0-"


async def connect(name: str, login: Login, limit: float, *, sessions: int = SESSIONS) -> SshMachine:
    """Open a connection; `Unreachable` when there is none within `limit` seconds.

    `sessions` is how many calls the machine takes at once over one connection (its MaxSessions).
    """
    try:
        async with asyncio.timeout(limit):
            connection = await asyncssh.connect(
                str(login.address),
                login.port,
                username=login.user,
                client_keys=[str(login.key)],
                known_hosts=str(login.known_hosts),
                config=None,
                agent_path=None,
                keepalive_interval=KEEPALIVE,
                keepalive_count_max=KEEPALIVES,
                compression_algs=None,
                encryption_algs=CIPHERS,
            )
    except TimeoutError:
        raise Unreachable(unanswered(name, f"no answer from {login.address} within {limit:g} s")) from None
    except asyncssh.HostKeyNotVerifiable:
        raise Unreachable(_stranger(name, login)) from None
    except asyncssh.PermissionDenied:
        raise Unreachable(_denied(name, login)) from None
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(unanswered(name, str(error) or type(error).__name__)) from None
    return SshMachine(name, connection, sessions, () if login.user == "root" else SUDO)


async def greeted(name: str, login: Login, limit: float) -> None:
    """The machine's sshd begins to talk; `Unreachable` when it does not within `limit` seconds. Nobody logs
    in for that, as a connection would."""
    try:
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection(str(login.address), login.port)
            try:
                said = await reader.readline()
            finally:
                writer.close()
    except TimeoutError:
        raise Unreachable(unanswered(name, f"no answer from {login.address} within {limit:g} s")) from None
    except (OSError, ValueError) as error:
        raise Unreachable(unanswered(name, str(error))) from None
    if not said.startswith(GREETING):
        raise Unreachable(unanswered(name, f"{login.address} does not speak SSH there"))


def _stranger(name: str, login: Login) -> Finding:
    return Finding(
        where=name,
        what="its host key is not the one it had",
        why=f"{login.address} was installed anew, or somebody else answers in its place: nothing was sent there",
        fix="find out which; if it was installed anew, forget its key with"
        f" `ssh-keygen -R '{pinned(login.address, login.port)}' -f {login.known_hosts}`",
    )


def _denied(name: str, login: Login) -> Finding:
    return Finding(
        where=name,
        what=f"{login.address} does not let `{login.user}` in",
        why=f"its sshd does not accept the key {login.key}",
        fix=f"add that key's public half to ~{login.user}/.ssh/authorized_keys there, or correct `user` or `key`",
    )
