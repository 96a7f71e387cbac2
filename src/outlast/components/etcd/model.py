"""How etcd behaves on simulated machines: who is a member of what, and where more than half of them reach each other.

Simplified: elections, joining and copying take no time, and nobody writes but the members' own changes. What is as in
the real one: a start with data goes on with it, one without joins a majority under a new id and founds only when it was
asked to just now, and a first start needs a majority of the founders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from outlast.components.etcd.render import MEMBER, PROGRAMS
from outlast.components.etcd.steward import ANEW, FOUND_ANEW, FOUND_NEW, LEAVE, NEW
from outlast.contract.model import Change, Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE = "outlast-etcd.service"
PROBE = ("/usr/bin/python3", "-B", f"{PROGRAMS}/probe.py")
REQUEST = "/run/outlast-etcd/found"
REQUEST_LIMIT = 120.0


@dataclass(frozen=True, slots=True)
class Memory:
    """One member. `run` is the start that `asked` and `since` belong to; the rest is its data: `members` are the ids of
    its cluster as it knows them, and the empty `cluster` means that it holds nothing."""

    run: str = ""
    asked: str = ""
    since: float = 0.0
    cluster: str = ""
    member: str = ""
    members: tuple[str, ...] = ()
    committed: int = 0


def live(scene: Scene) -> Mapping[str, Change]:
    """Starts take their requests, founders found, members that reach a majority agree, and whoever is empty joins."""
    hosts = [host for host in scene.hosts if host.read(MEMBER) is not None]
    before = {host.name: _memory(scene, host) for host in hosts}
    after, removes = dict(before), set[str]()
    for host in hosts:
        if host.process(SERVICE).runs and before[host.name].run != host.process(SERVICE).run:
            after[host.name] = _started(scene, host, before[host.name])
            removes |= {host.name} if host.read(REQUEST) is not None else set()
    for host in hosts:
        group = _group(scene, host, hosts)
        _found(group, after)
        _agree(group, after)
    return {
        name: Change(memory=json.dumps(asdict(memory)), removes=(REQUEST,) if name in removes else ())
        for name, memory in after.items()
        if memory != before[name] or name in removes
    }


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe, and the steps of the steward."""
    here = scene.host(machine)
    if argv == PROBE:
        return Ran(Output(0, json.dumps(_facts(scene, here)), ""))
    if argv in (FOUND_NEW, FOUND_ANEW):
        what = NEW if argv == FOUND_NEW else ANEW
        return Ran(Output(0, "", ""), Change(writes=((REQUEST, f"{what} {scene.now}"),)))
    if argv == LEAVE:
        return Ran(Output(0, "", ""), Change(memory=json.dumps(asdict(Memory()))))
    return None


def _memory(scene: Scene, host: Host) -> Memory:
    text = scene.memory(host.name)
    if not text:
        return Memory()
    held: dict[str, Any] = json.loads(text)
    return replace(Memory(**held), members=tuple(held["members"]))


def _started(scene: Scene, host: Host, memory: Memory) -> Memory:
    what, _, at = (host.read(REQUEST) or "").partition(" ")
    recent = bool(what) and scene.now - float(at) < REQUEST_LIMIT
    return replace(memory, run=host.process(SERVICE).run, since=scene.now, asked=what if recent else "")


def _group(scene: Scene, host: Host, hosts: list[Host]) -> list[Host]:
    """Members that run and all reach each other, `host` among them."""
    found: list[Host] = []
    for other in [host, *(other for other in hosts if other is not host)]:
        if other.process(SERVICE).runs and all(scene.connected(other, one) for one in found):
            found.append(other)
    return found if host in found else []


def _majority(group: list[Host], memories: Mapping[str, Memory]) -> Memory | None:
    """The memory of a member that knows most, when the group holds a majority of the members as that one knows them."""
    newest = max((memories[host.name] for host in group), key=lambda memory: memory.committed, default=Memory())
    here = {memories[host.name].member for host in group} & set(newest.members)
    return newest if len(here) * 2 > len(newest.members) else None


def _found(group: list[Host], memories: dict[str, Memory]) -> None:
    if _majority(group, memories):
        return
    for host in group:
        held = memories[host.name]
        if held.asked == ANEW and held.cluster:
            memories[host.name] = replace(held, asked="", members=(held.member,), committed=held.committed + 1)
    founders = [host for host in group if memories[host.name].asked == NEW and not memories[host.name].cluster]
    named: list[str] = sorted(_told(founders[0])["cluster"]) if founders else []
    if len(founders) * 2 <= len(named):
        return
    for host in founders:
        founded = Memory(host.process(SERVICE).run, "", memories[host.name].since, _id(" ".join(named)))
        members = tuple(_id(name) for name in named)
        memories[host.name] = replace(founded, member=_id(_name(host)), members=members, committed=len(named))


def _agree(group: list[Host], memories: dict[str, Memory]) -> None:
    """Where a majority is, everybody gets what it knows; whoever holds nothing leaves it and joins under a new id."""
    newest = _majority(group, memories)
    if newest is None or not newest.cluster:
        return
    for host in group:
        if not memories[host.name].cluster:
            changes = newest.committed + 1
            past = {_id(_name(host)), *(_id(f"{_name(host)} {change}") for change in range(changes))}
            own = _id(f"{_name(host)} {changes}")
            members = (*(member for member in newest.members if member not in past), own)
            newest = replace(newest, members=members, committed=changes)
            memories[host.name] = replace(memories[host.name], cluster=newest.cluster, member=own)
    for host in group:
        held = memories[host.name]
        if held.member in newest.members:
            memories[host.name] = replace(held, asked="", members=newest.members, committed=newest.committed)


def _name(host: Host) -> str:
    return str(_told(host)["member"])


def _told(host: Host) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(host.read(MEMBER) or "{}")
    return told


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:15]


def _facts(scene: Scene, here: Host) -> dict[str, object]:
    """What the probe program on a real machine prints."""
    hosts = [host for host in scene.hosts if host.read(MEMBER) is not None]
    memories = {host.name: _memory(scene, host) for host in hosts}
    own = memories[here.name]
    alive = here.process(SERVICE).runs
    group = _group(scene, here, hosts) if alive else []
    newest = _majority(group, memories)
    together = newest is not None and own.member in newest.members
    serving = [memories[host.name].member for host in group if memories[host.name].member in own.members]
    leader = int(min(serving), 16) if together else 0
    status = {"leader": leader, "header": {"member_id": int(own.member, 16)}} if own.cluster else None
    health = {"health": together, "took": "1ms", "error": "" if together else "no leader"}
    waiting = (here.read(REQUEST) or "").partition(" ")[0]
    return {
        "alive_for": scene.now - own.since if alive else None,
        "asked": waiting or (own.asked if alive else ""),
        "holds": "data" if own.cluster else "nothing",
        "cluster": own.cluster,
        "member": own.member,
        "committed": own.committed if own.cluster else None,
        "unknown": "",
        "status": status if alive else None,
        "health": health if alive and own.cluster else None,
        "members": list(own.members) if together else None,
    }


MODEL = Model(run=run, live=live)
