"""Sees to it that a lab's vendor runs on this box, as it is wanted now; a running one that differs is replaced.

It runs apart from whoever starts it, in a control group of its own that bears the lab's identity. Whatever removes the
lab removes it too: `Lab.clear`.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import IPv4Network
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn import process
from outlast.machines.nspawn.names import Identity
from outlast.machines.vendor.keys import Keys, Vending
from outlast.machines.vendor.line import Line
from outlast.machines.vendor.serve import LOG, READY, WATCH, Wanted
from outlast.machines.vendor.watch import LAST_WORDS
from outlast.machines.vendor.words import Hello
from outlast.seal import durable
from outlast.seal.seal import Seal

# Each site has addresses of its own, so they never meet on one port.
PORT = 8470
HELLO_LIMIT = 4.0
# It opens the site's keys and finds its image, which is there by now; otherwise it builds it.
READY_LIMIT = 120.0
EVIDENCE = 12


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a vendor stands: the lab of one site, in the folder of its file, with the site's own folder for state."""

    site: str
    home: Path
    state: Path

    @property
    def name(self) -> str:
        """What the box calls it."""
        return Identity(self.site, self.home).vendor

    @property
    def keys(self) -> Keys:
        """Its keys."""
        return Keys(self.state, Seal(self.state, self.site))


async def host(stand: Stand, networks: Mapping[str, IPv4Network], packages: Sequence[str]) -> Vending:
    """The vendor of these networks serves machines of these packages: now, when it did not. Raises `OutlastError`."""
    keys = stand.keys
    await asyncio.to_thread(keys.ensure)
    addresses = tuple(network[1] for network in networks.values())
    public = keys.host().export_public_key().decode().strip()
    vending = Vending(addresses=addresses, port=PORT, host_key=public)
    wanted = _wanted(stand, networks, packages)
    if not await _serves(vending, keys, wanted.edition):
        await process.kill(stand.name)
        file = keys.folder / "wanted.json"
        durable.write(file, wanted.model_dump_json().encode())
        await _start(stand.name, file)
    return vending


async def _serves(vending: Vending, keys: Keys, edition: str) -> bool:
    """Whether the one that is wanted answers: at each address, as each data centre has its own."""
    for address in vending.addresses:
        line = Line(vending.model_copy(update={"addresses": (address,)}), keys.client)
        try:
            if (await line.ask(Hello(), limit=HELLO_LIMIT)).edition != edition:
                return False
        except OutlastError:
            return False
        finally:
            await line.close()
    return True


async def _start(name: str, wanted: Path) -> None:
    argv = [*process.own_group(name), sys.executable, "-m", WATCH, name, str(wanted)]
    with wanted.with_name(LAST_WORDS).open("wb") as words:
        # Not asyncio's: that ends its processes when its loop ends.
        watch = subprocess.Popen(  # noqa: ASYNC220
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, cwd="/", start_new_session=True
        )
    assert watch.stdout is not None
    reading, said = asyncio.create_task(asyncio.to_thread(watch.stdout.readline)), b""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_LIMIT):
                said = await asyncio.shield(reading)
    finally:
        if said != READY:
            # Its end is also what ends the reading.
            await process.kill(name)
            await reading
        watch.stdout.close()
    if said != READY:
        why = "it ended before it was ready" if said else f"it was not ready within {READY_LIMIT:g} s"
        raise OutlastError(_lame(wanted, why))


def _wanted(stand: Stand, networks: Mapping[str, IPv4Network], packages: Sequence[str]) -> Wanted:
    wanted = Wanted(
        site=stand.site,
        home=stand.home.resolve(),
        state=stand.state.resolve(),
        networks=dict(networks),
        packages=tuple(sorted(set(packages))),
        port=PORT,
        edition="",
    )
    text = f"{sys.executable}\n{_code()}\n{wanted.model_dump_json()}"
    return wanted.model_copy(update={"edition": hashlib.sha256(text.encode()).hexdigest()[:16]})


@cache
def _code() -> str:
    """Names the program that would serve: all of Outlast as it is here now."""
    digest = hashlib.sha256()
    for path, content in sorted(_sources(files("outlast"), "")):
        digest.update(f"{path} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", entry.read_bytes()


def _lame(wanted: Path, why: str) -> Finding:
    texts = [
        path.read_text(errors="replace") for name in (LOG, LAST_WORDS) if (path := wanted.with_name(name)).exists()
    ]
    lines = tuple(line for text in texts for line in text.splitlines()[-EVIDENCE:])
    fix = "mend what its last words name, then run the same command again; the site runs on without it, and cannot grow"
    return Finding("vendor", "the vendor does not start", why, fix, evidence=lines)
