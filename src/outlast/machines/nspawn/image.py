"""The golden image: Debian 13 with every package the site needs, built once and cached by its digest."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
from collections.abc import Sequence
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.nspawn import disk
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.sources import SUITE, debian_sources

IMAGES = Path("/var/cache/outlast/images")
BUILD_LIMIT = 900.0
# Raise it whenever what is done below changes: it is part of the digest.
RECIPE = "2"
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
KEPT = "ssh.service|getty.target|remote-fs.target"
# Debian's units of the engines would take their ports; the others need what a lab machine has not.
MASKED = " ".join(
    (
        "mariadb.socket",
        "mariadb-extra.socket",
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "dpkg-db-backup.timer",
        "e2scrub_all.timer",
        "fstrim.timer",
        "systemd-networkd.service",
        "systemd-resolved.service",
        "systemd-timesyncd.service",
        "systemd-firstboot.service",
        "console-getty.service",
    )
)
# Files only: a look-up that cannot be answered costs ten seconds, and hides in odd places.
NAMES = "hosts: files\npasswd: files systemd\ngroup: files systemd\nshadow: files systemd"
SSHD = "UseDNS no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxSessions 64\nMaxStartups 64"
# Kept on disk, so that the last lines before a power loss can be read after it.
JOURNALD = "[Journal]\nStorage=persistent\nSystemMaxUse=256M\nRateLimitIntervalSec=0"
FINISH = f"""
cd "$1"
find etc/systemd/system -path '*.wants/*' -type l | grep -vE '{KEPT}' | xargs -r rm -f
for unit in {MASKED}; do ln -sf /dev/null "etc/systemd/system/$unit"; done
if [ -d var/lib/mysql ]; then find var/lib/mysql -mindepth 1 -delete; fi
rm -rf var/lib/etcd/* var/cache/apt/* var/lib/apt/lists/* etc/ssh/ssh_host_* etc/machine-id var/lib/dbus/machine-id
mkdir -p etc/ssh/sshd_config.d etc/systemd/journald.conf.d var/log/journal root/.ssh
: > etc/resolv.conf
cat > etc/nsswitch.conf <<END
{NAMES}
END
cat > etc/ssh/sshd_config.d/outlast.conf <<END
{SSHD}
END
cat > etc/systemd/journald.conf.d/outlast.conf <<END
{JOURNALD}
END
"""


def digest(packages: Sequence[str]) -> str:
    """Names the image that holds these packages."""
    text = "\n".join([RECIPE, FINISH, *BASE, "", *sorted(set(packages))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def folder(packages: Sequence[str]) -> Path:
    """Where the image of these packages is, built or not."""
    return IMAGES / digest(packages)


async def ensure(packages: Sequence[str], emit: Emit) -> Path:
    """The image's folder; built now when it is not cached. Two builders at once: one waits for the other."""
    target = folder(packages)
    if target.is_dir():
        return target
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (IMAGES / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if target.is_dir():
            return target
        for left in IMAGES.glob("*.building"):
            await disk.remove(left)
        emit(Event("image", Phase.STARTED, "builds the machine image (once, about a minute)"))
        building = target.with_suffix(".building")
        await _build(building, [*BASE, *packages])
        building.rename(target)
        emit(Event("image", Phase.DONE, "the machine image is ready"))
    return target


async def _build(target: Path, packages: Sequence[str]) -> None:
    argv = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Check-Valid-Until false",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        SUITE,
        str(target),
        *debian_sources(),
    ]
    try:
        await run(argv, limit=BUILD_LIMIT)
        await run(["sh", "-e", "-c", FINISH, "finish", str(target)])
    except OutlastError as error:
        await disk.remove(target)
        raise OutlastError(_failed(error.findings[0])) from None


def _failed(cause: Finding) -> Finding:
    return Finding(
        where="machine image",
        what="it could not be built",
        why=cause.why,
        fix="see that `apt-get update` works here and that /var/cache has 2 GiB of room; then run the command again",
        evidence=cause.evidence,
    )
