"""The golden image: Debian 13 with every package the site needs, built once and cached by its digest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.debian import BASE, EMPTIED, ENGINE_SOCKETS, SUITE
from outlast.machines.nspawn import disk, record
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.sources import debian_sources, reach

IMAGES = Path("/var/cache/outlast/images")
BUILD_LIMIT = 900.0
# Long enough for one builder before us.
LOCK_LIMIT = BUILD_LIMIT + 60.0
# An image that nobody asked for in so long, and that no machine stands on, goes when the next one is built.
KEEP_SECONDS = 14 * 86400.0
# What mmdebstrap says around apt's and dpkg's own words.
NARRATION = ("I: ", "E: setup failed", "E: mmdebstrap failed")
# Raise it whenever what is done below changes: it is part of the digest.
RECIPE = "6"
# Lists what was asked for: a machine of an older image serves as long as it has what its site needs now.
CONTENTS = "var/lib/outlast-image-packages"
KEPT = "ssh.service|getty.target|remote-fs.target"
# All but the engines' need what a lab machine has not.
MASKED = " ".join(
    (
        *ENGINE_SOCKETS,
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
        # Nobody sits at a lab machine, and each of these is a process or a mount more at every boot.
        "systemd-logind.service",
        "systemd-ask-password-console.path",
        "systemd-ask-password-wall.path",
        "dev-hugepages.mount",
        "sys-fs-fuse-connections.mount",
        "proc-sys-fs-binfmt_misc.automount",
    )
)
# Files only: a look-up that cannot be answered costs ten seconds, and hides in odd places.
NAMES = "hosts: files\npasswd: files systemd\ngroup: files systemd\nshadow: files systemd"
SESSIONS = 128
SSHD = (
    "UseDNS no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    f"MaxSessions {SESSIONS}\nMaxStartups {SESSIONS}"
)
# Kept on disk, so that the last lines before a power loss can be read after it.
JOURNALD = "[Journal]\nStorage=persistent\nSystemMaxUse=256M\nRateLimitIntervalSec=0"
FINISH = f"""
cd "$1"
find etc/systemd/system -path '*.wants/*' -type l | grep -vE '{KEPT}' | xargs -r rm -f
for unit in {MASKED}; do ln -sf /dev/null "etc/systemd/system/$unit"; done
for folder in {" ".join(EMPTIED)}; do if [ -d "$folder" ]; then find "$folder" -mindepth 1 -delete; fi; done
rm -rf etc/apt/apt.conf.d/99mmdebstrap
rm -rf var/cache/apt/* var/lib/apt/lists/* etc/ssh/ssh_host_* etc/machine-id var/lib/dbus/machine-id
mkdir -p etc/ssh/sshd_config.d etc/systemd/journald.conf.d var/log/journal root/.ssh
: > etc/resolv.conf
: > etc/default/locale
cat > etc/nsswitch.conf <<END
{NAMES}
END
cat > etc/ssh/sshd_config.d/outlast.conf <<END
{SSHD}
END
cat > etc/systemd/journald.conf.d/outlast.conf <<END
{JOURNALD}
END
rm -f etc/fstab
chroot . systemd-sysusers
chroot . ldconfig
chroot . journalctl --update-catalog
# What a first boot would do has been done (systemd.unit(5), ConditionNeedsUpdate=).
touch etc/.updated var/.updated
"""


def digest(packages: Sequence[str]) -> str:
    """Names the image that holds these packages."""
    text = "\n".join([RECIPE, FINISH, *BASE, "", *sorted(set(packages))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def folder(packages: Sequence[str]) -> Path:
    """Where the image of these packages is, built or not."""
    return IMAGES / digest(packages)


def holds(name: str, packages: Sequence[str]) -> bool:
    """Whether the image of that name is in the cache and has all these packages, whatever else it has."""
    contents = IMAGES / name / CONTENTS
    return contents.is_file() and set(packages) <= set(contents.read_text().split())


async def renew(packages: Sequence[str], emit: Emit) -> Path:
    """A further image of these packages, with the newest that there is of each."""
    emit(Event("image", Phase.STARTED, "builds a new machine image (about a minute)"))
    async with locked(IMAGES / "lock", LOCK_LIMIT) as lock:
        first = folder(packages)
        numbers = [int(path.name.rpartition("-")[2]) for path in IMAGES.glob(f"{first.name}-*") if path.is_dir()]
        target = first.with_name(f"{first.name}-{max(numbers, default=0) + 1}")
        await _build(target, [*BASE, *packages], lock)
        _stamp(target).touch()
    emit(Event("image", Phase.DONE, "the new machine image is ready"))
    return target


async def forget(name: str) -> None:
    """Remove an image that nobody uses."""
    await disk.remove(IMAGES / name)
    _stamp(IMAGES / name).unlink(missing_ok=True)


def versions(name: str) -> frozenset[tuple[str, str]]:
    """Every package of an image, with its version."""
    blocks = (IMAGES / name / "var/lib/dpkg/status").read_text().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in block.splitlines() if ": " in line) for block in blocks]
    return frozenset((held["Package"], held["Version"]) for held in fields if "Package" in held)


async def ensure(packages: Sequence[str], emit: Emit) -> Path:
    """The image's folder; built now when it is not cached. Two builders at once: one waits for the other."""
    target = folder(packages)
    if target.is_dir():
        _stamp(target).touch()
        return target
    emit(Event("image", Phase.STARTED, "builds the machine image, or waits for whoever does (once, about a minute)"))
    async with locked(IMAGES / "lock", LOCK_LIMIT) as lock:
        if not target.is_dir():
            for left in IMAGES.glob("*.building"):
                await disk.remove(left)
            await _build(target, [*BASE, *packages], lock)
        _stamp(target).touch()
        await _forget(time.time() - KEEP_SECONDS)
    emit(Event("image", Phase.DONE, "the machine image is ready"))
    return target


async def _build(target: Path, packages: Sequence[str], lock: int) -> None:
    """Build beside `target` and rename. The programs inherit `lock`: as long as one of them writes, it is held."""
    building, settings = target.with_suffix(".building"), target.with_suffix(".apt")
    try:
        disk.private(settings, reach(await run(["apt-config", "dump"])).encode())
        argv = [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(packages)}",
            "--aptopt=APT::Install-Recommends false",
            f"--aptopt={settings}",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            SUITE,
            str(building),
            *debian_sources(),
        ]
        await run(argv, limit=BUILD_LIMIT, keep=[lock])
        await run(["sh", "-e", "-c", FINISH, "finish", str(building)], keep=[lock])
        (building / CONTENTS).write_text("\n".join(packages))
        building.rename(target)
    except OutlastError as error:
        raise OutlastError(_failed(error.findings[0])) from None
    finally:
        settings.unlink(missing_ok=True)
        await disk.remove(building)


def _stamp(target: Path) -> Path:
    """The file whose time says when the image was last asked for."""
    return target.with_suffix(".used")


async def _forget(before: float) -> None:
    """Remove images that were last asked for `before` then (seconds since 1970) and that no machine stands on."""
    needed = record.images() | record.pins()
    for stamp in IMAGES.glob("*.used"):
        if stamp.stat().st_mtime < before and stamp.stem not in needed:
            await disk.remove(stamp.with_suffix(""))
            stamp.unlink()


def _failed(cause: Finding) -> Finding:
    lines = tuple(line for line in cause.evidence if not line.startswith(NARRATION))
    return Finding(
        where="machine image",
        what="it could not be built",
        why=lines[-1] if lines else cause.why,
        fix="see that `apt-get update` works here and that /var/cache has 2 GiB of room; then run the command again",
        evidence=lines,
    )
