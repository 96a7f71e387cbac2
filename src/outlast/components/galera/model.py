"""How the database behaves on simulated machines: who is in a primary component, who holds what, up to where.

Simplified: joining and copying take no time, every change of the members is one transaction, and nobody else writes.
What is as in the real one: only a majority of the last primary component goes on, a start joins and never founds
unless it was asked to, a founder asks the others first, and positions survive a loss of power.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from outlast.components.galera.probe import ARBITER_SCRIPT
from outlast.components.galera.render import ACCOUNTS as ACCOUNTS_FILE
from outlast.components.galera.render import GARBD, MEMBER, PROGRAMS
from outlast.components.galera.steward import ACCOUNTS, REQUEST_BOOTSTRAP
from outlast.contract.model import Change, Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE, ARBITER, HEALTH = "outlast-galera.service", "outlast-galera-arbiter.service", "outlast-galera-health.service"
PROBE = ("/usr/bin/python3", "-B", f"{PROGRAMS}/probe.py")
REQUEST = "/run/outlast-galera/bootstrap"
REQUEST_LIMIT = 120.0
HEALTH_PORT = 9306


@dataclass(frozen=True, slots=True)
class Memory:
    """One member. `run` is the start that the rest belongs to; `view` the last primary component it was in;
    `primary` whether it is in one now; `lost` since when it is not; `applied` the accounts that were made."""

    run: str = ""
    uuid: str = ""
    seqno: int = -1
    view: tuple[str, ...] = ()
    primary: bool = False
    lost: float = 0.0
    applied: str = ""


def live(scene: Scene) -> Mapping[str, Change]:
    """Starts are taken note of, components form, and whoever reaches a primary one joins it."""
    hosts = [host for host in scene.hosts if host.read(MEMBER) is not None or host.read(GARBD) is not None]
    before = {host.name: _memory(scene, host) for host in hosts}
    after, removes = dict(before), set[str]()
    for host in hosts:
        after[host.name] = _noticed(scene, host, before[host.name])
    for group in _groups(scene, hosts):
        _agree(scene, group, after)
    for host in hosts:
        process = host.process(SERVICE)
        request = host.read(REQUEST)
        if request is not None and process.runs and before[host.name].run != process.run:
            removes.add(host.name)
            _found(scene, host, hosts, float(request or 0), after)
    return {
        name: Change(memory=json.dumps(asdict(memory)), removes=(REQUEST,) if name in removes else ())
        for name, memory in after.items()
        if memory != before[name] or name in removes
    }


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probes, and the steps of the steward."""
    here = scene.host(machine)
    if argv == PROBE:
        return Ran(Output(0, json.dumps(_facts(scene, here, _memory(scene, here))), ""))
    if argv[:3] == ("sh", "-c", ARBITER_SCRIPT):
        links = sum(other.process(SERVICE).runs and scene.connected(here, other) for other in scene.hosts)
        state = here.process(ARBITER).state
        return Ran(Output(0, json.dumps({"arbiter": {"state": state, "links": links}}), ""))
    if argv == REQUEST_BOOTSTRAP:
        return Ran(Output(0, "", ""), Change(writes=((REQUEST, f"{scene.now}"),)))
    if argv == ACCOUNTS:
        memory = _memory(scene, here)
        if not memory.primary:
            return Ran(Output(1, "", "the accounts could not be made: not in a primary component\n"))
        made = replace(memory, applied=_wanted(here))
        return Ran(Output(0, "", ""), Change(memory=json.dumps(asdict(made))))
    return None


def serves(scene: Scene, machine: str) -> frozenset[int]:
    """The port of the health program, while the member is in a primary component."""
    host = scene.host(machine)
    well = host.process(HEALTH).runs and host.process(SERVICE).runs and _memory(scene, host).primary
    return frozenset({HEALTH_PORT}) if well else frozenset()


def _memory(scene: Scene, host: Host) -> Memory:
    text = scene.memory(host.name)
    if not text:
        return Memory()
    held: dict[str, Any] = json.loads(text)
    return replace(Memory(**held), view=tuple(held["view"]))


def _alive(host: Host) -> bool:
    return host.process(SERVICE).runs or host.process(ARBITER).runs


def _run(host: Host) -> str:
    return host.process(SERVICE).run or host.process(ARBITER).run


def _noticed(scene: Scene, host: Host, memory: Memory) -> Memory:
    """A member that was started, or that ended, is in no component."""
    if memory.run == _run(host):
        return memory
    # What it knows of the accounts is data, and so is its position.
    return replace(memory, run=_run(host), primary=False, lost=scene.now)


def _groups(scene: Scene, hosts: list[Host]) -> list[list[Host]]:
    """Members that run and all reach each other, each in one group: the larger ones first."""
    left = [host for host in hosts if _alive(host)]
    groups: list[list[Host]] = []
    while left:
        cliques = [_clique(scene, [first, *(h for h in left if h is not first)]) for first in left]
        best = max(cliques, key=len)
        groups.append(best)
        left = [host for host in left if host not in best]
    return groups


def _clique(scene: Scene, hosts: list[Host]) -> list[Host]:
    found: list[Host] = []
    for host in hosts:
        if all(scene.connected(host, other) for other in found):
            found.append(host)
    return found


def _agree(scene: Scene, group: list[Host], memories: dict[str, Memory]) -> None:
    """The group goes on as a primary component when it holds a majority of the last one; otherwise it waits."""
    serving = [host for host in group if memories[host.name].primary]
    names = tuple(sorted(host.name for host in group))
    source = max(serving, key=lambda host: memories[host.name].seqno, default=None)
    view = memories[source.name].view if source else ()
    if source is None or len(set(view) & {host.name for host in serving}) * 2 <= len(view):
        for host in serving:
            memories[host.name] = replace(memories[host.name], primary=False, lost=scene.now)
        return
    held = memories[source.name]
    applied = max((memories[host.name].applied for host in serving), key=lambda text: _is_wanted(group, text))
    if view != names:
        held = replace(held, seqno=held.seqno + 1, view=names)
    for host in group:
        memories[host.name] = replace(held, run=_run(host), applied=applied)


def _is_wanted(group: list[Host], applied: str) -> bool:
    return any(_wanted(host) == applied for host in group)


def _found(scene: Scene, host: Host, hosts: list[Host], asked: float, memories: dict[str, Memory]) -> None:
    """A start that was asked to found a cluster does so, unless it hears of one."""
    heard = [other for other in hosts if scene.connected(host, other) and memories[other.name].primary]
    if heard or scene.now - asked > REQUEST_LIMIT:
        return
    held = memories[host.name]
    uuid = held.uuid or _uuid(f"{host.name} {host.process(SERVICE).run}")
    memories[host.name] = replace(held, uuid=uuid, seqno=held.seqno + 1, view=(host.name,), primary=True)


def _uuid(text: str) -> str:
    digits = hashlib.sha256(text.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def _wanted(host: Host) -> str:
    return hashlib.sha256((host.read(ACCOUNTS_FILE) or "").encode()).hexdigest()[:16]


def _facts(scene: Scene, here: Host, memory: Memory) -> dict[str, object]:
    """What the probe program on a real machine prints."""
    alive = here.process(SERVICE).runs
    return {
        "alive": alive,
        "holds": "data" if memory.uuid else "nothing",
        "position": f"{memory.uuid}:{memory.seqno}" if memory.uuid else None,
        "position_unknown": "",
        "bootstrapping": here.read(REQUEST) is not None,
        "without_primary": None if not alive else 0.0 if memory.primary else scene.now - memory.lost,
        "status": _status(memory) if memory.primary else None,
        "error": "" if memory.primary else "it does not listen",
        "accounts": {"wanted": _wanted(here), "applied": memory.applied if memory.primary else None},
    }


def _status(memory: Memory) -> dict[str, str]:
    return {
        "wsrep_ready": "ON",
        "wsrep_cluster_status": "Primary",
        "wsrep_local_state": "4",
        "wsrep_local_state_comment": "Synced",
        "wsrep_local_state_uuid": memory.uuid,
        "wsrep_last_committed": str(memory.seqno),
        "wsrep_cluster_size": str(len(memory.view)),
    }


MODEL = Model(run=run, live=live, serves=serves)
