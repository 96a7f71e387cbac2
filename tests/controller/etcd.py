"""A real etcd of one member on this computer, with the certificates of a site."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from outlast.apply.vault import Vault, now
from outlast.contract.secret import Certificate, certificate, key
from outlast.controller.etcd import Credentials

PROGRAM = Path("/usr/bin/etcd")
START_LIMIT = 20.0


@dataclass(frozen=True)
class Server:
    """One running etcd, and what its clients need."""

    process: subprocess.Popen[bytes]
    url: str
    credentials: Credentials

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def served(folder: Path) -> Generator[Server]:
    """etcd, as long as the context lasts, with everything of it in `folder`."""
    assert PROGRAM.exists(), "these tests need a real etcd: `sudo make test` installs it"
    credentials = _credentials(folder)
    client, peer = (f"https://127.0.0.1:{port}" for port in _free_ports())
    tls = ("cert-file", credentials.certificate), ("key-file", credentials.key), ("client-cert-auth", "true")
    values = {
        "name": "one",
        "data-dir": folder / "data",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"one={peer}",
        "trusted-ca-file": credentials.authority,
        **dict(tls),
        **{f"peer-{name}": value for name, value in tls},
        "peer-trusted-ca-file": credentials.authority,
        # As in a site's own configuration: the election's time-out bounds the shortest lease.
        "heartbeat-interval": 200,
        "election-timeout": 2000,
    }
    log = (folder / "etcd.log").open("wb")
    argv = [str(PROGRAM), *(f"--{name}={value}" for name, value in values.items())]
    with log, subprocess.Popen(argv, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]}) as process:
        try:
            _until_it_serves(process, client, credentials, folder / "etcd.log")
            yield Server(process, client, credentials)
        finally:
            process.kill()


async def until(what: str, check: Callable[[], Awaitable[object]], limit: float) -> float:
    """Wait until `check` holds, and answer how many seconds that took."""
    began = time.monotonic()
    while not await check():
        assert time.monotonic() - began < limit, f"not within {limit} s: {what}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def _credentials(folder: Path) -> Credentials:
    vault = Vault(folder / "vault", "shop", now())
    vault.issue(Certificate("member", ("localhost",), ("127.0.0.1",)))
    written = Credentials(vault.authority_path, folder / "member.pem", folder / "member.key")
    written.certificate.write_text(vault.fill(certificate("member")))
    written.key.write_text(vault.fill(key("member")))
    return written


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (one, other)]


def _until_it_serves(process: subprocess.Popen[bytes], url: str, credentials: Credentials, log: Path) -> None:
    context = ssl.create_default_context(cafile=credentials.authority)
    context.load_cert_chain(credentials.certificate, credentials.key)
    deadline = time.monotonic() + START_LIMIT
    with httpx.Client(verify=context, trust_env=False) as client:
        while True:
            with suppress(httpx.HTTPError):
                if client.get(f"{url}/health").is_success:
                    return
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
