"""A site of the tests' own in the lab, driven through the command line as a person would."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from outlast.machines.nspawn.lab import Lab

ROOT = Path(__file__).parents[2]
HOMES = Path("/var/tmp/outlast-tests")
CONNECT_LIMIT = 20.0
OUTLAST = Path(sys.executable).with_name("outlast")


@dataclass(frozen=True)
class LabSite:
    """One site folder and its command line; `before` are words that stand before the command."""

    home: Path
    before: tuple[str, ...] = ()

    def run(self, *arguments: str, expect: int | None = 0, limit: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run `outlast` on this site and expect its exit code."""
        verb, *rest = arguments
        command = [*self.before, str(OUTLAST), verb, "-f", str(self.home / "site.yaml"), *rest]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        assert expect is None or done.returncode == expect, (
            f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run `outlast` in the background."""
        verb, *rest = arguments
        command = [str(OUTLAST), verb, "-f", str(self.home / "site.yaml"), *rest]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def status(self) -> dict[str, Any]:
        """The parsed `status --json`, healthy or not."""
        return json.loads(self.run("status", "--json", expect=None).stdout)

    def client(self, url: str) -> httpx.Client:
        """A client that trusts the site's authority and nobody else."""
        context = ssl.create_default_context(cafile=str(self.home / ".outlast/ca.pem"))
        return httpx.Client(base_url=url, verify=context, timeout=10.0)

    def provider(self) -> Lab:
        """The lab that holds the site's machines, to break them on purpose."""
        name = yaml.safe_load((self.home / "site.yaml").read_text())["site"]
        return Lab(name, self.home, self.home / ".outlast")

    def shell(self, machine: str, *argv: str, expect: int | None = 0) -> str:
        """What a command prints on a machine. Not by `outlast exec`, whose start costs more than most commands."""
        (said,) = asyncio.run(self._said([(machine, argv)], expect)).values()
        return said

    def everywhere(self, *argv: str) -> dict[str, str]:
        """What a command prints on each of the site's machines."""
        return asyncio.run(self._said([(machine["name"], argv) for machine in self.status()["machines"]], 0))

    async def _said(self, asked: Sequence[tuple[str, Sequence[str]]], expect: int | None) -> dict[str, str]:
        lab = self.provider()
        said: dict[str, str] = {}
        for name, argv in asked:
            machine = await lab.connect(name, limit=CONNECT_LIMIT)
            try:
                done = await machine.run(argv)
            finally:
                await machine.close()
            assert expect is None or done.returncode == expect, f"{name}: {argv}: {done}"
            said[name] = done.stdout.decode()
        return said

    def edit(self, old: str, new: str) -> None:
        """Change the site file."""
        path = self.home / "site.yaml"
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path}"
        path.write_text(text.replace(old, new))


def copy_of(example: str, site: str, *, governed: bool = False) -> LabSite:
    """An example under a site name of the tests' own; what an earlier run of it left is removed first.

    `governed`: with controllers, which mend what a test breaks.
    """
    home = HOMES / site
    lab = LabSite(home)
    if (home / "site.yaml").exists():
        lab.run("down", "--yes", expect=None)
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / example, home, ignore=shutil.ignore_patterns(".outlast", "__pycache__"))
    lab.edit(f"site: {example} ", f"site: {site} ")
    if not governed:
        lab.edit("\ndatacenters:", "\ncontroller: { members: 0 }\n\ndatacenters:")
    return lab


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    """Kill a command that has not ended by itself in so many seconds."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def until(what: str, check: Callable[[], object], limit: float) -> float:
    """Wait until `check` answers something true, at most `limit` seconds; answers how long it took."""
    began = asked = time.monotonic()
    while not check():
        now = time.monotonic()
        assert now - began < limit, f"not within {limit} s: {what}"
        # A look at a site keeps its machines busy: whoever asks without a pause delays what they wait for.
        # Half a second at most: what is waited for may pass again.
        time.sleep(min(max(0.1, now - asked), 0.5))
        asked = time.monotonic()
    return time.monotonic() - began


def traces(site: str) -> list[str]:
    """Everything on this box that bears the mark of a site's lab: processes, mounts, interfaces, namespaces, files."""
    found = [
        f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines() if site in line
    ]
    found += [f"namespace {path.name}" for path in Path("/run/netns").glob(f"*{site}*")]
    found += [f"folder {path}" for path in Path("/var/lib/outlast/lab").glob(f"{site}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        ours = "systemd-nspawn" in words or "outlast.machines.vendor" in words
        found += [f"process {words}"] if ours and site in words else []
    return found
