"""Compiles a site on a topology into a blueprint: every member rendered, every machine's bundle assembled. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.rollout import stages
from outlast.contract.bundle import Artifact, Bundle, File, MemberPart, Part
from outlast.contract.registry import Registry
from outlast.contract.view import NodeView
from outlast.site.schema import Site
from outlast.topology.topology import Machine, Topology
from outlast.topology.wire import Wiring


def compile_blueprint(
    site: Site,
    registry: Registry,
    topology: Topology,
    artifacts: Mapping[str, Artifact],
    parent: Blueprint | None,
) -> Blueprint:
    """The blueprint of `site`. When nothing changed it is `parent` itself, so its generation stays."""
    wiring = Wiring(site, registry, topology, artifacts)
    compiled = Blueprint(
        generation=parent.generation + 1 if parent else 1,
        parent=parent.generation if parent else 0,
        topology=topology,
        bundles=tuple(_bundle(machine, topology, wiring) for machine in topology.machines),
        packages=packages(site, registry),
        stages=stages(topology, wiring),
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


def _bundle(machine: Machine, topology: Topology, wiring: Wiring) -> Bundle:
    members = topology.members_by_machine[machine.name]
    views = [wiring.view(member) for member in members]
    parts = [MemberPart(v.member, wiring.component(v.service).render(v)) for v in views]
    return Bundle(machine.name, (MemberPart("", _base(machine, topology, views)), *parts))


def _base(machine: Machine, topology: Topology, views: list[NodeView[object]]) -> Part:
    """What every machine gets: the names of those it talks to, so that no look-up ever leaves the machine.

    Peers that are not required are not talked to: a thousand instances of an app need not know each other.
    """
    spoken = {machine.name, *(e.machine for v in views for e in v.endpoints)}
    names = [topology.machine_by_name[name] for name in sorted(spoken)]
    lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{m.address} {m.name}" for m in names)]
    return Part(files=(File("/etc/hosts", "\n".join(lines) + "\n"),))
