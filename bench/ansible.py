"""Pushing the files of a site to its machines, against Ansible: `sudo .venv/bin/python -m bench.ansible 3`.

Makes the seven machines of the example shop in a lab of its own, with nothing on them, and pushes the same rendered
files (every file and unit of every bundle, secrets filled in) by turns with Outlast's landing, with Ansible as it is,
and with Ansible's pipelining: once where no file is there, once where nothing differs. Each push is a process of its
own with connections of its own. After each, other code compares content, mode, owner and group of every file.

Ansible's side is what a user would write, made a little faster where there is a choice: facts are not gathered, the
interpreter is named, ten forks. Outlast's side does a little more: it enables services and says what must be
restarted. The wheel of ansible-core goes into a virtual environment below /var/tmp, never into the project's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import yaml
from bench.landing import opened
from rich.console import Console
from tests.lab.site import LabSite, copy_of

from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.provider import Order, Provider

SITE = "bench-ansible"
VENV = Path("/var/tmp/outlast-bench/ansible")
MOST_ROUNDS = 10
FORKS = 10
LIMIT = 300.0
TOOLS = ("outlast", "ansible", "ansible, pipelining")
UNITS = "/etc/systemd/system"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: folders
      ansible.builtin.file: { path: "{{ item }}", state: directory }
      loop: "{{ folders }}"
    - name: files
      ansible.builtin.copy:
        src: "{{ item.source }}"
        dest: "{{ item.path }}"
        mode: "{{ item.mode }}"
        owner: "{{ item.owner }}"
        group: "{{ item.group }}"
      loop: "{{ files }}"
      loop_control: { label: "{{ item.path }}" }
    - name: units
      ansible.builtin.copy:
        src: "{{ item.source }}"
        dest: "{{ item.path }}"
        mode: "{{ item.mode }}"
        owner: "{{ item.owner }}"
        group: "{{ item.group }}"
      loop: "{{ units }}"
      loop_control: { label: "{{ item.path }}" }
      notify: reload systemd
  handlers:
    - name: reload systemd
      ansible.builtin.systemd_service: { daemon_reload: true }
"""


@dataclass(frozen=True)
class Wanted:
    """One file as it must be on its machine in the end."""

    path: str
    content: str
    mode: int
    owner: str
    group: str


def main() -> None:
    """Run the rounds that the command line asks for (default 3), print medians and ratios, remove the lab."""
    rounds = min(MOST_ROUNDS, int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    console = Console(highlight=False)
    site = copy_of("shop", SITE)
    try:
        _install()
        asyncio.run(_compare(site, rounds, console))
    finally:
        site.run("down", "--yes", expect=None)
        shutil.rmtree(site.home)


async def _compare(site: LabSite, rounds: int, console: Console) -> None:
    wanted, machines = await _machines(site)
    control = site.home / "ansible"
    # The key that Ansible uses lies in the memory of this process, as long as the provider lives.
    provider = site.provider()
    _control(provider, control, wanted)
    total = sum(map(len, wanted.values()))
    console.print(f"{len(wanted)} machines, {total} files, {rounds} rounds, {FORKS} forks")
    seconds: dict[tuple[str, str], list[float]] = {(tool, push): [] for tool in TOOLS for push in ("first", "same")}
    for number in range(rounds):
        for tool in (*TOOLS[number % 3 :], *TOOLS[: number % 3]):
            await asyncio.gather(*(_forget(machines[name], wanted[name]) for name in machines))
            for push in ("first", "same"):
                seconds[tool, push].append(_timed(tool, site, control))
                await asyncio.gather(*(_verify(machines[name], wanted[name]) for name in machines))
                console.print(f"  {tool}, {push}: {seconds[tool, push][-1]:.2f} s")
    for machine in machines.values():
        await machine.close()
    for push, said in (("first", "no file there"), ("same", "no change")):
        own = statistics.median(seconds["outlast", push])
        for tool in TOOLS:
            median = statistics.median(seconds[tool, push])
            console.print(f"{said}: {tool} {median:.2f} s, {median / own:.1f} times Outlast's")


async def _machines(site: LabSite) -> tuple[dict[str, list[Wanted]], dict[str, Machine]]:
    """The machines, made and empty, and what each must hold."""
    workspace, blueprint = await opened(site.home)
    await workspace.provider.prepare(blueprint.packages, silent)
    places = blueprint.topology.machines
    await asyncio.gather(
        *(workspace.provider.create(Order(m.name, m.datacenter, IPv4Address(m.address))) for m in places)
    )
    wanted: dict[str, list[Wanted]] = {}
    for name, bundle in blueprint.bundle_by_machine.items():
        for held in bundle.parts:
            for certificate in held.part.certificates:
                workspace.vault.issue(certificate)
        files = [file for held in bundle.parts for file in held.part.files]
        units = [service for held in bundle.parts for service in held.part.services]
        wanted[name] = [
            *(Wanted(f.path, workspace.vault.fill(f.content), f.mode, f.owner, f.group) for f in files),
            *(Wanted(f"{UNITS}/{unit.name}", unit.unit, 0o644, "root", "root") for unit in units),
        ]
    return wanted, {name: await workspace.provider.connect(name) for name in wanted}


def _control(provider: Provider, control: Path, wanted: dict[str, list[Wanted]]) -> None:
    """The folder from which Ansible works: playbook, inventory and the rendered files."""
    hosts: dict[str, object] = {}
    for name, files in wanted.items():
        *options, target = provider.ssh_command(name)[1:]
        entries: list[dict[str, str]] = []
        for number, file in enumerate(files):
            source = control / "files" / name / str(number)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(file.content)
            rights = {"mode": f"{file.mode:04o}", "owner": file.owner, "group": file.group}
            entries.append({"source": str(source), "path": file.path, **rights})
        hosts[name] = {
            "ansible_host": target.partition("@")[2],
            "ansible_user": "root",
            "ansible_ssh_common_args": shlex.join(options),
            "ansible_python_interpreter": "/usr/bin/python3",
            "folders": sorted({str(Path(file.path).parent) for file in files}),
            "files": [entry for entry in entries if not entry["path"].startswith(UNITS)],
            "units": [entry for entry in entries if entry["path"].startswith(UNITS)],
        }
    (control / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (control / "site.yml").write_text(PLAYBOOK)


def _timed(tool: str, site: LabSite, control: Path) -> float:
    """Seconds of one push, from the start of its process to its end."""
    # Ansible keeps its connections: each push gets a folder of its own for them, so that all set them up.
    with tempfile.TemporaryDirectory(dir="/tmp") as connections:
        settings = {"ANSIBLE_FORKS": str(FORKS), "ANSIBLE_SSH_CONTROL_PATH_DIR": connections, "LC_ALL": "C.UTF-8"}
        if tool == "outlast":
            argv = [sys.executable, "-m", "bench.landing", str(site.home)]
        else:
            settings["ANSIBLE_PIPELINING"] = str(tool != "ansible")
            playbook = str(VENV / "bin/ansible-playbook")
            argv = [playbook, "-i", str(control / "hosts.yml"), str(control / "site.yml")]
        environment = {**os.environ, **settings}
        began = time.perf_counter()
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
        seconds = time.perf_counter() - began
        for socket in Path(connections).iterdir():
            subprocess.run(["ssh", "-S", str(socket), "-O", "exit", "none"], capture_output=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return seconds


async def _forget(machine: Machine, files: list[Wanted]) -> None:
    """As if nobody had pushed anything."""
    paths = [file.path for file in files if file.path != "/etc/hosts"]
    await machine.run(["rm", "-rf", "/var/lib/outlast", *paths])
    # Only ever one of them differs from the image's: the names of the machines.
    await machine.run(["sh", "-c", "echo 127.0.0.1 localhost > /etc/hosts; systemctl daemon-reload"])


async def _verify(machine: Machine, files: list[Wanted]) -> None:
    """Content, mode, owner and group of every file, by the machine's own tools."""
    paths = [file.path for file in files]
    stats = await machine.run(["stat", "--format", "%a %U %G", *paths])
    sums = await machine.run(["sha256sum", *paths])
    rights = stats.stdout.decode().splitlines()
    contents = [line.split()[0] for line in sums.stdout.decode().splitlines()]
    expected = [(f"{f.mode:o} {f.owner} {f.group}", hashlib.sha256(f.content.encode()).hexdigest()) for f in files]
    found = list(zip(rights, contents, strict=True))
    wrong = [file.path for file, want, have in zip(files, expected, found, strict=True) if want != have]
    assert not wrong, f"{machine.name}: {json.dumps(wrong)}"


def _install() -> None:
    """Ansible, in a virtual environment that is kept between runs."""
    if (VENV / "bin/ansible-playbook").exists():
        return
    VENV.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin/pip"), "install", "-q", "--disable-pip-version-check", "ansible-core"]
    subprocess.run(pip, check=True)


if __name__ == "__main__":
    main()
