"""The vendor's process on the box of a lab: opens the site's keys, and serves its lab to controllers.

`python -m outlast.machines.vendor.serve NAME WANTED LIFELINE`, started by `watch`. It ends when the site's folder is
gone, and takes the place of `watch` when that ended: the file descriptor `LIFELINE` says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from ipaddress import IPv4Network
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from outlast.kernel.events import silent
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.operator import Operator
from outlast.machines.vendor.keys import Keys
from outlast.machines.vendor.server import serving
from outlast.machines.vendor.service import Service
from outlast.seal.seal import Seal

READY = b"ready\n"
WATCH = "outlast.machines.vendor.watch"
# It looks so often, in seconds, whether its site is still there.
LOOK = 2.0
LOG = "log"
LOG_BYTES = 256 * 1024


class Wanted(BaseModel):
    """What is to be served: the lab of one site, with machines of these packages in these data centres."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    site: str
    home: Path
    state: Path
    networks: dict[str, IPv4Network]
    packages: tuple[str, ...]
    port: int
    edition: str


def main() -> None:
    """The life of this process."""
    name, file, lifeline = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    log = RotatingFileHandler(file.with_name(LOG), maxBytes=LOG_BYTES, backupCount=1)
    logging.basicConfig(level=logging.INFO, handlers=[log], format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    wanted = Wanted.model_validate_json(file.read_bytes())
    if asyncio.run(_serve(wanted, file, lifeline)):
        os.close(lifeline)
        os.execv(sys.executable, [sys.executable, "-m", WATCH, name, str(file)])


async def _serve(wanted: Wanted, file: Path, lifeline: int) -> bool:
    """Serve until nobody watches any more (True) or the site is gone (False)."""
    alone = asyncio.Event()
    asyncio.get_running_loop().add_reader(lifeline, alone.set)
    seal = Seal(wanted.state, wanted.site)
    keys, known_hosts = Keys(wanted.state, seal), Operator(wanted.state / "ssh", seal).known_hosts
    lab = Lab(wanted.site, wanted.home, wanted.state, builds=False)
    await lab.prepare(wanted.packages, silent)
    service = Service(lab, wanted.networks, wanted.packages, lambda: host_keys(known_hosts), wanted.edition)
    addresses = [network[1] for network in wanted.networks.values()]
    async with serving(service, keys.host(), keys.client(), addresses, wanted.port):
        logging.info("serves %s at %s, port %d", wanted.site, ", ".join(map(str, addresses)), wanted.port)
        with suppress(OSError):  # only the first one is waited for
            os.write(sys.stdout.fileno(), READY)
        while file.exists() and not alone.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await alone.wait()
    return alone.is_set() and file.exists()


def host_keys(known_hosts: Path) -> dict[str, str]:
    """The host keys in a file of known hosts, by address."""
    lines = known_hosts.read_text().splitlines() if known_hosts.exists() else []
    return {address: key for address, _, key in (line.partition(" ") for line in lines) if key}


if __name__ == "__main__":
    main()
