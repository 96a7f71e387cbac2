"""Whether this box can carry a lab: what `requirements` asks for, and what only makes it slow or fails late."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from outlast.kernel.errors import Finding, OutlastError, Severity
from outlast.machines.check import Check
from outlast.machines.nspawn import image
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.requirements import requirements
from outlast.machines.nspawn.sources import debian_sources, reach

BOX = "this box"
# What a machine of the examples takes when nobody uses it, measured; a database takes its buffer pool on top.
MACHINE_MIB = 150
SLOW_LOOKUP = 1.0
UNKNOWN_NAME = "outlast-asks.invalid"
SOURCES_LIMIT = 60.0


async def examine(packages: Sequence[str], machines: int, *, making: bool) -> tuple[Check, ...]:
    """Everything at once. `machines` is how many will run; `making`: there must be room for them."""
    found = await asyncio.gather(_lookup(), _sources(packages))
    basic = Check(BOX, "root, programs, kernel and disk", requirements(making=making))
    return basic, _memory(machines), *found


def _memory(machines: int) -> Check:
    wanted = machines * MACHINE_MIB
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) // 1024
    about = f"memory: {free} MiB are free"
    if free >= wanted:
        return Check(BOX, about)
    why = f"{free} MiB are free, and {machines} machines take {wanted} MiB before anybody uses them"
    fix = "end what is not needed here, or write `footprint: compact`"
    return Check(BOX, about, (Finding(BOX, "there is little memory", why, fix, Severity.WARNING),))


async def _lookup() -> Check:
    began = time.monotonic()
    with suppress(OSError):
        await asyncio.to_thread(socket.getaddrinfo, UNKNOWN_NAME, 80)
    took = time.monotonic() - began
    about = f"names: an unknown one is answered in {took:.2f} s"
    if took < SLOW_LOOKUP:
        return Check(BOX, about)
    why = f"looking up a name that does not exist took {took:.1f} s, and builds look up many"
    fix = "correct the name servers in /etc/resolv.conf"
    return Check(BOX, about, (Finding(BOX, "name resolution is slow", why, fix, Severity.WARNING),))


async def _sources(packages: Sequence[str]) -> Check:
    """Whether the image is there, or else whether the package sources that it is built from answer."""
    if image.folder(packages).is_dir():
        return Check(BOX, "machine image: in the cache")
    about = "package sources, for the machine image"
    if os.geteuid() != 0 or not debian_sources():
        return Check(BOX, f"{about}: not asked")
    with TemporaryDirectory() as folder:
        Path(folder, "list").write_text("".join(f"{line}\n" for line in debian_sources()))
        Path(folder, "settings").write_text(reach(await run(["apt-config", "dump"])))
        Path(folder, "partial").mkdir()
        places = ("Dir::Etc::SourceParts=-", f"Dir::Etc::SourceList={folder}/list", f"Dir::State::Lists={folder}")
        options = (*places, "APT::Update::Error-Mode=any", "APT::Sandbox::User=root", "Acquire::Languages=none")
        argv = ["apt-get", "-q", "-c", f"{folder}/settings", *(w for o in options for w in ("-o", o)), "update"]
        try:
            await run(argv, limit=SOURCES_LIMIT)
        except OutlastError as error:
            cause = error.findings[0]
            fix = "see that `apt-get update` works here"
            why = cause.evidence[-1] if cause.evidence else cause.why
            return Check(
                BOX, about, (Finding(BOX, "package sources do not answer", why, fix, evidence=cause.evidence),)
            )
    return Check(BOX, f"{about}: they answer")
