"""Looks for texts on the machines of a site: on their disks, in their journals and in every process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from tests.lab.site import LabSite

# The texts come by standard input: as an argument they would be found in this very process. Answers where each of them
# is, by its name: files, journals, and processes with the unit that they belong to.
PROGRAM = """
import json, mmap, os, pathlib, subprocess, sys
needles = {name: text.encode() for name, text in json.load(sys.stdin).items()}
found = {name: [] for name in needles}
own = str(os.getpid())

def look(place, content):
    for name, text in needles.items():
        if content.find(text) >= 0:
            found[name].append(place)

for process in pathlib.Path("/proc").iterdir():
    if process.name.isdigit() and process.name != own:
        try:
            unit = (process / "cgroup").read_text().strip().rpartition("/")[2]
            for part in ("cmdline", "environ"):
                look(f"{part} of {unit}", (process / part).read_bytes())
        except (OSError, ProcessLookupError):
            pass
for root in ("/etc", "/run", "/srv", "/var", "/root", "/tmp", "/home", "/opt"):
    for folder, folders, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path):
                try:
                    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                        look(path, content)
                except (OSError, ValueError):
                    pass
look("journal", subprocess.run(["journalctl", "-o", "export", "--no-pager"], capture_output=True).stdout)
json.dump(found, sys.stdout)
"""
ETCD = """
set -e
cd /etc/outlast/etcd
member=$(ls *.pem | head -n 1)
exec etcdctl --cacert=/etc/outlast/authority.pem --cert="$member" --key="$member.key" \\
  --endpoints="https://$1:2379" get "" --prefix
"""


def places(site: LabSite, texts: Mapping[str, str]) -> dict[str, dict[str, set[str]]]:
    """By the name of each text, by machine, where it is."""
    return asyncio.run(_places(site, texts))


def agreed(site: LabSite, machine: str, address: str) -> bytes:
    """Everything that etcd keeps."""

    async def read() -> bytes:
        opened = await site.provider().connect(machine)
        try:
            return (await opened.run(["sh", "-c", ETCD, "etcd", address])).stdout
        finally:
            await opened.close()

    return asyncio.run(read())


async def _places(site: LabSite, texts: Mapping[str, str]) -> dict[str, dict[str, set[str]]]:
    lab = site.provider()
    found: dict[str, dict[str, set[str]]] = {name: {} for name in texts}
    for machine in sorted(each.name for each in await lab.list()):
        opened = await lab.connect(machine)
        try:
            done = await opened.run(["python3", "-c", PROGRAM], stdin=json.dumps(texts).encode(), limit=240.0)
        finally:
            await opened.close()
        assert done.returncode == 0, done.stderr.decode()
        for name, held in json.loads(done.stdout).items():
            found[name][machine] = set(held)
    return found
