"""Blueprints of toy sites."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.contract.bundle import Artifact, Bundle, File, MemberPart, Part, Service
from outlast.contract.registry import Registry
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.topology import Topology
from tests.toys import TOYS, grounds

RELEASES = {"shop": Artifact("shop", "0" * 12, "/srv/shop/" + "0" * 12)}


def compiled(site: Site, parent: Blueprint | None = None, registry: Registry = TOYS) -> Blueprint:
    """The blueprint of a site, on the networks of all toys."""
    topology = place(site, registry, grounds(site), parent.topology if parent else None)
    return compile_blueprint(site, registry, topology, RELEASES, parent)


def holding(*parts: Part, generation: int = 1) -> Blueprint:
    """A blueprint of one machine, `m`, with a member for each part."""
    bundle = Bundle("m", tuple(MemberPart(f"member-{number}", part) for number, part in enumerate(parts, 1)))
    return Blueprint(generation, 0, Topology("toy", "toy.test", (), (), (), ()), (bundle,), (), ())


def service(unit: str = "[Service]\n", *, enabled: bool = True) -> Service:
    """A service that restarts on /main and reloads on /light."""
    return Service("s.service", unit, ("/main",), ("/light",), enabled)


def file(path: str, content: str = "text\n", mode: int = 0o644) -> File:
    """A file of root's."""
    return File(path, content, mode)
