"""Compiles a site on a topology into a blueprint: every member rendered, every machine's bundle assembled. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from outlast.blueprint import nftables
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.firewall import Firewall, firewalls
from outlast.blueprint.rollout import stages
from outlast.contract.bundle import Artifact, Bundle, File, MemberPart, Part
from outlast.contract.component import AnyComponent
from outlast.contract.identity import AUTHORITY
from outlast.contract.registry import Registry
from outlast.contract.secret import authority
from outlast.contract.slot import Slot
from outlast.contract.view import NodeView
from outlast.site.schema import Site
from outlast.topology.leeway import Leeway
from outlast.topology.topology import Topology
from outlast.topology.wire import Wiring


def compile_blueprint(
    site: Site,
    registry: Registry,
    topology: Topology,
    artifacts: Mapping[str, Artifact],
    parent: Blueprint | None,
    in_place: Blueprint | None = None,
    leeways: tuple[Leeway, ...] = (),
) -> Blueprint:
    """The blueprint of `site`. When nothing changed it is `parent` itself, so its generation stays.

    `in_place` is the one that was carried out last, to its end: what runs in its slots is left alone.
    """
    wiring = Wiring(site, registry, topology, artifacts)
    views = {member.name: wiring.view(member) for member in topology.members}
    walls = firewalls(topology, wiring, views)
    held = {**_parts(parent), **_parts(in_place)}
    compiled = Blueprint(
        generation=parent.generation + 1 if parent else 1,
        parent=parent.generation if parent else 0,
        topology=topology,
        bundles=tuple(_bundle(wall, topology, wiring, views, held) for wall in walls),
        packages=packages(site, registry),
        stages=stages(topology, wiring),
        firewalls=walls,
        parent_digest=parent.digest if parent else "",
        leeways=leeways,
    )
    return parent if parent and parent.same_content(compiled) else compiled


def packages(site: Site, registry: Registry) -> tuple[str, ...]:
    """The Debian packages of the machines' image: those of every component, used or not, and the site's own.

    So one image serves all sites, and a service that is added later finds its engine on the machines already.
    """
    wanted = {name for wish in site.wishes for name in registry[wish.component].packages(wish.options)}
    for component in registry:
        if not component.claim.many:
            wanted.update(component.packages(component.options()))
    return tuple(sorted(wanted))


def _bundle(
    wall: Firewall,
    topology: Topology,
    wiring: Wiring,
    views: Mapping[str, NodeView[Any]],
    held: Mapping[tuple[str, str], Part],
) -> Bundle:
    here = [views[member.name] for member in topology.members_by_machine[wall.machine]]
    parts = [
        MemberPart(view.member, _part(wiring.component(view.service), view, held.get((view.machine, view.member))))
        for view in here
    ]
    return Bundle(wall.machine, (MemberPart("", _base(wall, topology, here)), *parts))


def _part(component: AnyComponent, view: NodeView[Any], held: Part | None) -> Part:
    """The member's part: in the slot that it has when nothing about it changes, otherwise in the other one."""
    if component.changeover is None:
        return component.render(view)
    slot = held.slot if held and held.slot else Slot.A
    part = component.render(replace(view, slot=slot))
    return part if held in (None, part) else component.render(replace(view, slot=slot.other))


def _parts(blueprint: Blueprint | None) -> dict[tuple[str, str], Part]:
    bundles = blueprint.bundles if blueprint else ()
    return {(bundle.machine, held.member): held.part for bundle in bundles for held in bundle.parts}


def _base(wall: Firewall, topology: Topology, views: list[NodeView[Any]]) -> Part:
    """What every machine gets: its firewall, the certificate of the site's authority, and the names of those it talks
    to, so that no look-up ever leaves it.

    Peers that are not required are not talked to: a thousand instances of an app need not know each other.
    """
    spoken = {wall.machine, *(e.machine for v in views for e in v.endpoints)}
    names = [topology.machine_by_name[name] for name in sorted(spoken)]
    lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{m.address} {m.name}" for m in names)]
    firewall = nftables.part(wall, tuple(ground.network for ground in topology.grounds))
    files = (File("/etc/hosts", "\n".join(lines) + "\n"), File(AUTHORITY, f"{authority()}\n"))
    return replace(firewall, files=(*files, *firewall.files))
