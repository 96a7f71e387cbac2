"""What Outlast costs in memory: `sudo .venv/bin/python -m bench.memory`. Prints figures against their limits.

Two questions. What does a lab machine hold beyond its engines, when nothing happens? Asked twice, in different ways:
of an empty machine, by the control group that it alone is charged to (kernel memory included); and of each machine of
a running shop, by the shares of its processes outside the units of the site (`Pss` in proc_pid_smaps(5)). And what does
the command itself hold at its peak (the kernel's `ru_maxrss`)?
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from tests.lab.site import OUTLAST, LabSite, copy_of

from outlast.kernel.events import silent
from outlast.machines.nspawn import process
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Order

SITE = "bench-memory"
MACHINE = "east-data-1"
IDLE = 15.0
MACHINE_LIMIT, COMMAND_LIMIT = 40.0, 150.0
MIB = 1024 * 1024
OLD, NEW = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


def main() -> None:
    """Measure everything and remove the lab. `make`: only make the empty machine, in the caller's control group."""
    if sys.argv[1:] == ["make"]:
        asyncio.run(_make(LabSite(Path.cwd())))
        return
    console = Console(highlight=False)
    site = copy_of("shop", SITE)
    try:
        _empty_machine(site, console)
        for arguments in (("up", "--yes"), ("up", "--yes"), ("plan",), ("status",)):
            peak = _peak(site, *arguments)
            _judge(console, f"outlast {' '.join(arguments)}: peak", peak, COMMAND_LIMIT)
        time.sleep(IDLE)
        _running_machines(site, console)
    finally:
        site.run("down", "--yes", expect=None)
        shutil.rmtree(site.home)


def _judge(console: Console, what: str, mebibytes: float, limit: float) -> None:
    verdict = "within" if mebibytes <= limit else "[red]over[/]"
    console.print(f"{what} {mebibytes:.1f} MiB, {verdict} {limit:.0f}")


async def _make(site: LabSite) -> None:
    lab = site.provider()
    await lab.prepare(_packages(), silent)
    (network,) = await lab.networks(["east"])
    await lab.create(Order(MACHINE, "east", network[11]))


def _packages() -> list[str]:
    """Those of the newest image here: an empty machine is the same on any of them."""
    newest = max(Path("/var/cache/outlast/images").glob("*/var/lib/outlast-image-packages"), key=os.path.getmtime)
    return newest.read_text().split()


def _empty_machine(site: LabSite, console: Console) -> None:
    """Boot one machine in a control group of its own and read what it is charged for."""
    old = (OLD / "memory.stat").exists()
    group = (OLD if old else NEW) / SITE
    group.mkdir(exist_ok=True)
    try:
        script = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
        command = ["sh", "-e", "-c", script, "inside", str(group), sys.executable, "-m", "bench.memory", "make"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        subprocess.run(command, cwd=site.home, env=environment, check=True)
        time.sleep(IDLE)
        stat = {key: int(value) for key, value in map(str.split, (group / "memory.stat").read_text().splitlines())}
        if old:
            kernel = int((group / "memory.kmem.usage_in_bytes").read_text())
            anonymous, cache = stat["total_rss"], stat["total_cache"]
        else:
            kernel, anonymous, cache = stat["kernel"], stat["anon"], stat["file"]
        _judge(console, "an empty idle machine: anonymous and kernel", (anonymous + kernel) / MIB, MACHINE_LIMIT)
        console.print(f"  anonymous {anonymous / MIB:.1f}, kernel {kernel / MIB:.1f}, page cache {cache / MIB:.1f} MiB")
    finally:
        asyncio.run(site.provider().clear())
        group.rmdir()


def _peak(site: LabSite, verb: str, *rest: str) -> float:
    """MiB that one command held at most, its own children aside."""
    command = [str(OUTLAST), verb, "-f", str(site.home / "site.yaml"), *rest]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return usage.ru_maxrss * 1024 / MIB


def _running_machines(site: LabSite, console: Console) -> None:
    """Each machine of the running shop: its processes beyond the site's units, and what the units hold."""
    identity = Identity(SITE, site.home)
    prefix, running = identity.prefix, process.running(identity.prefix)
    running.pop(identity.vendor, None)
    for machine, pids in sorted(running.items()):
        shares = Counter[tuple[str, str]]()
        for pid in pids:
            shares += _shares(pid)
        beyond = {unit: shares[unit, "own"] for unit, kind in shares if kind == "own" and not _ours(unit)}
        cache = sum(held for (unit, kind), held in shares.items() if kind == "file" and not _ours(unit))
        units = sum(held for (unit, kind), held in shares.items() if kind == "own" and _ours(unit))
        name = machine.removeprefix(prefix)
        _judge(console, f"{name} beyond its engines:", sum(beyond.values()) / 1024, MACHINE_LIMIT)
        most = sorted(beyond.items(), key=lambda item: -item[1])
        named = ", ".join(f"{unit} {held / 1024:.1f}" for unit, held in most if held > 256)
        console.print(f"  {named}; mapped files {cache / 1024:.1f}; its engines {units / 1024:.1f} MiB")


def _ours(unit: str) -> bool:
    return unit.startswith("outlast-")


def _shares(pid: int) -> Counter[tuple[str, str]]:
    """KiB of one process by its unit, own (anonymous, shared memory) and mapped from files."""
    folder = Path(f"/proc/{pid}")
    try:
        group = next(line for line in (folder / "cgroup").read_text().splitlines() if line.startswith("0::"))
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:  # it ended while we looked
        return Counter()
    held = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    unit = group.rpartition("/")[2]
    own = held["Pss_Anon:"] + held["Pss_Shmem:"]
    return Counter({(unit, "own"): own, (unit, "file"): held["Pss_File:"]})


if __name__ == "__main__":
    main()
