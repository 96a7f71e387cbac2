"""One component under test, and a site in which it has members: made of what the registry knows, nothing by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from outlast.contract.bundle import Artifact, Part
from outlast.contract.component import AnyComponent, Beside
from outlast.contract.registry import discover
from outlast.contract.view import NodeView
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground, Topology
from outlast.topology.wire import Wiring

NAMES = [component.name for component in discover()]
DIGEST = "0123456789ab"


@dataclass(frozen=True)
class Placed:
    """A site with members of the component."""

    site: Site
    topology: Topology
    wiring: Wiring

    def views(self, name: str) -> list[NodeView[Any]]:
        """What the first and the last member of a component see, in every service that it implements."""
        found: list[NodeView[Any]] = []
        for members in self.topology.clusters.values():
            if members[0].component == name:
                found += [self.wiring.view(member) for member in dict.fromkeys((members[0], members[-1]))]
        return found


def package(component: AnyComponent) -> str:
    """The package whose folder holds the component."""
    return str(component.render.__module__).rpartition(".")[0]


def folder(component: AnyComponent) -> Traversable:
    """The component's folder."""
    return files(package(component))


def templates(component: AnyComponent) -> list[str]:
    """The templates of a component, as paths below its `templates/`, without their `.j2`."""
    root = folder(component) / "templates"
    return [path.removesuffix(".j2") for path in _below(root, "")] if root.is_dir() else []


def _below(root: Traversable, path: str) -> list[str]:
    found: list[str] = []
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _below(entry, f"{path}{entry.name}/")
        else:
            found.append(f"{path}{entry.name}")
    return found


@cache
def placed(name: str) -> Placed:
    """A site of everything, with default options; of several engines for a section, this component is the one."""
    registry = discover()
    sections_of = sections(registry)
    document: dict[str, Any] = {
        "site": "contract",
        "domain": "contract.test",
        "datacenters": {"east": {"machines": "lab"}},
    }
    for component in registry:
        claim = component.claim
        if claim.key not in document or component.name == name:
            document[claim.key] = _section(component)
    # Whatever stands beside its consumers gets a consumer.
    used = {c.claim.key for c in registry if not c.claim.many} & {
        c.placement.interface for c in registry if isinstance(c.placement, Beside)
    }
    for component in (c for c in registry if c.claim.many and "uses" in c.options.model_fields):
        for options in document[component.claim.key].values():
            options["uses"] = sorted(used)
    site = load(yaml.safe_dump(document), "site.yaml", sections_of).site
    topology = place(site, registry, [Ground("east", "10.77.0.0/24")], None)
    artifacts = {w.name: Artifact(w.name, DIGEST, f"/srv/outlast/{w.name}/{DIGEST}") for w in site.wishes}
    return Placed(site, topology, Wiring(site, registry, topology, artifacts))


def _section(component: AnyComponent) -> dict[str, Any]:
    """A component's section with default options; its example where it has options without a default."""
    own = {"engine": component.claim.engine} if component.claim.engine else {}
    try:
        component.options()
    except ValidationError:
        section: dict[str, Any] = yaml.safe_load(discover().example(component.name))[component.claim.key]
        return section
    return {"first": own} if component.claim.many else own


def parts(name: str) -> list[tuple[NodeView[Any], Part]]:
    """What the first and the last member of a component get, and what they saw."""
    component = discover()[name]
    return [(view, component.render(view)) for view in placed(name).views(name)]


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model of options and every model inside it."""
    found = [model]
    for field in model.model_fields.values():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += models(kind)
    return found
