"""The machines' disks: an overlay on the image, and what makes each machine itself."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from pathlib import Path

import asyncssh

from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.operator import Operator, new_key
from outlast.machines.provider import Order
from outlast.seal import durable

LAYERS = ("upper", "work", "root")
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


async def mount(folder: Path, image: Path) -> Path:
    """Mount `folder`'s overlay on `image`, if it is not; answers where."""
    root = folder / "root"
    for layer in LAYERS:
        (folder / layer).mkdir(parents=True, exist_ok=True)
    if not root.is_mount():
        layers = f"lowerdir={image},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        await run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])
    return root


async def remove(folder: Path) -> None:
    """Unmount everything below `folder`, then delete it. Nothing there is no error."""
    for path in reversed(_mounts_below(folder)):
        # Lazily: a process that is just ending may still hold it.
        await run(["umount", "--lazy", path])
    # The layers first: while they are there, so is the machine's record, and whoever is killed here is followed up.
    for path in (*(folder / layer for layer in LAYERS), folder):
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=not path.exists())


def personalise(root: Path, order: Order) -> None:
    """Give a new machine its name, its identity and its SSH host key."""
    # Before the first boot: without an identity systemd would enable every service that is installed.
    (root / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
    (root / "etc/hostname").write_text(f"{order.name}\n")
    private(root / HOST_KEY, new_key().export_private_key())


def authorise(root: Path, order: Order, operator: Operator) -> None:
    """Let the operator's key in, and pin the machine's host key.

    At every boot: the keys beside the site file may have been lost since the last one.
    """
    authorized = root / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    authorized.write_bytes(operator.ensure().export_public_key())
    host = asyncssh.read_private_key(root / HOST_KEY).export_public_key()
    _pin(operator.known_hosts, str(order.address), host.decode().strip())


def private(path: Path, content: bytes) -> None:
    """Write a file that only root may read, atomically."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)


def _pin(known_hosts: Path, address: str, key: str) -> None:
    # Two processes may make machines of one site: the vendor, and an operator's command.
    with durable.turn(known_hosts.with_name("known_hosts.lock")):
        lines = known_hosts.read_text().splitlines() if known_hosts.exists() else []
        kept = [line for line in lines if not line.startswith(f"{address} ")]
        temporary = known_hosts.with_name("known_hosts.new")
        temporary.write_text("\n".join([*kept, f"{address} {key}"]) + "\n")
        temporary.replace(known_hosts)


def _mounts_below(folder: Path) -> list[str]:
    """Mount points at or below `folder`, in the order they were made."""
    # The fifth field of mountinfo is the mount point (proc_pid_mountinfo(5)).
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder)]
