"""An example rendered to a tree of files, as its machines would hold them; markers stand where secrets will be.

Beside each machine's files stands `MACHINE.txt`: what the files' contents do not say. Of a site with many machines only
the first of each kind is written out; `DIGESTS.txt` names the contents of the others.
"""

from __future__ import annotations

from pathlib import Path

from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.contract.bundle import Artifact, Bundle, Service
from outlast.contract.registry import discover
from outlast.kernel.errors import Finding
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground

EXAMPLES = Path(__file__).parents[2] / "examples"
TREES = Path(__file__).parent / "trees"
DIGEST = "0123456789ab"
MANY = 20


def names() -> list[str]:
    """Every example there is."""
    return sorted(path.parent.name for path in EXAMPLES.glob("*/site.yaml"))


def example(name: str) -> tuple[Site, Blueprint]:
    """An example and its blueprint: on networks, and with releases, that are always the same."""
    registry = discover()
    path = EXAMPLES / name / "site.yaml"
    site = load(path.read_text(encoding="utf-8"), str(path), sections(registry)).site
    grounds = [Ground(datacenter, f"10.{77 + number}.0.0/16") for number, datacenter in enumerate(site.datacenters)]
    artifacts = {
        wish.name: Artifact(wish.name, DIGEST, f"/srv/outlast/{wish.name}/{DIGEST}")
        for wish in site.wishes
        if registry[wish.component].builds
    }
    topology = place(site, registry, grounds, None)
    return site, compile_blueprint(site, registry, topology, artifacts, None)


def findings(name: str) -> tuple[Finding, ...]:
    """What the audit says of an example."""
    site, blueprint = example(name)
    return audit(site, discover(), blueprint)


def rendered(name: str) -> dict[str, bytes]:
    """Path below the example's tree to content."""
    _, blueprint = example(name)
    tree = {"STAGES.txt": _stages(blueprint).encode()}
    if len(blueprint.bundles) > MANY:
        tree["DIGESTS.txt"] = "".join(f"{bundle.digest} {bundle.machine}\n" for bundle in blueprint.bundles).encode()
    for bundle in _shown(blueprint):
        tree[f"{bundle.machine}/MACHINE.txt"] = _summary(bundle).encode()
        for held in bundle.parts:
            for file in held.part.files:
                tree[f"{bundle.machine}{file.path}"] = file.content.encode()
            for service in held.part.services:
                tree[f"{bundle.machine}/etc/systemd/system/{service.name}"] = service.unit.encode()
    return tree


def kept(name: str) -> dict[str, bytes]:
    """The same, as it was accepted last."""
    folder = TREES / name
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _shown(blueprint: Blueprint) -> tuple[Bundle, ...]:
    """The bundles that are written out; machines with members of the same services are of one kind."""
    if len(blueprint.bundles) <= MANY:
        return blueprint.bundles
    kinds: dict[tuple[str, ...], Bundle] = {}
    for bundle in blueprint.bundles:
        members = blueprint.topology.members_by_machine[bundle.machine]
        # An arbiter is a member of its service, and another kind all the same: it has other ports.
        kind = tuple(f"{member.service} {sorted(port for port, _ in member.ports)}" for member in members)
        kinds.setdefault(kind, bundle)
    return tuple(kinds.values())


def _stages(blueprint: Blueprint) -> str:
    lines = [f"{stage.name}: {' '.join(stage.members)}{_after(stage.after)}" for stage in blueprint.stages]
    return "\n".join(lines) + "\n"


def _after(stages: tuple[str, ...]) -> str:
    return f"\n    after {' '.join(stages)}" if stages else ""


def _summary(bundle: Bundle) -> str:
    lines: list[str] = []
    for held in bundle.parts:
        part = held.part
        lines.append(f"{held.member or 'base'}:")
        lines += [f"    {file.mode:04o} {file.owner}:{file.group} {file.path}" for file in part.files]
        lines += [line for service in part.services for line in _service(service)]
        lines += [f"    once {job.key}: {job.service}" for job in part.once]
        lines += [f"    release {artifact.name} at {artifact.path}" for artifact in part.artifacts]
        for certificate in part.certificates:
            lines.append(f"    certificate {certificate.name}: {' '.join((*certificate.dns, *certificate.addresses))}")
    return "\n".join(lines) + "\n"


def _service(service: Service) -> list[str]:
    return [
        f"    {service.name}{'' if service.enabled else ' (started on demand)'}",
        *(f"        restart on {path}" for path in service.restart_on),
        *(f"        reload on {path}" for path in service.reload_on),
    ]
