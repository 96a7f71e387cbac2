"""Makes blueprints of a site: of what its file asks for now, of another release of one service, of other sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.contract.bundle import Artifact
from outlast.contract.component import InPool
from outlast.contract.registry import Registry
from outlast.controller.outline import growing
from outlast.controller.shipments import Shipment, refused, releases_of
from outlast.controller.source import Release, handed, releases
from outlast.controller.store import Store
from outlast.kernel.errors import Finding, Invalid, failing
from outlast.site.load import Loaded
from outlast.topology.leeway import Leeway
from outlast.topology.place import place
from outlast.topology.sizes import Sizes, bounds, kept
from outlast.topology.topology import Ground


@dataclass(frozen=True)
class Compiler:
    """Makes the blueprints of one site; each is audited, and making one changes nothing. `home` is the folder of the
    site file."""

    loaded: Loaded
    registry: Registry
    store: Store
    home: Path

    def releases(self) -> dict[str, Release]:
        """The wanted release of every service that is made from source."""
        return releases(self.loaded.site, self.registry, self.home, self.store)

    def compile(self, grounds: Sequence[Ground], asked: Sizes | None = None) -> tuple[Blueprint, dict[str, Release]]:
        """The audited blueprint on these networks, with the sizes that are `asked` for. Raises `Invalid` with every
        finding."""
        wanted = {**self.releases(), **self._staying()}
        artifacts = {service: release.artifact for service, release in wanted.items()}
        return self._compiled(grounds, artifacts, self.store.blueprint(), asked), wanted

    def _staying(self) -> dict[str, Release]:
        """The releases that stay, although the source is another one: that one was refused."""
        running = releases_of(self.store.in_place())
        return {name: Release(running[name], handed(running[name], self.store)) for name in self.refused()}

    def refused(self) -> dict[str, Shipment]:
        """The services whose source makes a release that did not do well or was left, and which run another one."""
        shipped, running = self.store.shipments.all(), releases_of(self.store.in_place())
        wanted = {name: release.artifact.digest for name, release in self.releases().items() if name in running}
        bad = {name: refused(shipped, name).get(digest) for name, digest in wanted.items()}
        return {name: each for name, each in bad.items() if each and running[name].digest != each.release}

    def released(self, before: Blueprint, artifact: Artifact, service: str) -> Blueprint:
        """The audited blueprint that differs from `before` in the release of this service only. Raises `Invalid`."""
        artifacts = {**releases_of(before), service: artifact}
        after = self._compiled(before.topology.grounds, artifacts, before, None)
        others = [name for name in _changed(before, after) if name != service]
        if others:
            raise Invalid(_more(service, others))
        return after

    def resized(self, before: Blueprint, asked: Sizes, leeways: Collection[Leeway] | None = None) -> Blueprint:
        """The audited blueprint that differs from `before` in these sizes (and leeways) only. Raises `Invalid`."""
        return self._compiled(before.topology.grounds, releases_of(before), before, asked, leeways)

    @property
    def followed(self) -> frozenset[str]:
        """The services whose sizes follow their loads: somebody sees to it, and has machines for it."""
        return frozenset(
            bounds(self.loaded.site, self.registry) if self._is_governed and growing(self.loaded.site) else ()
        )

    def _compiled(
        self,
        grounds: Sequence[Ground],
        artifacts: Mapping[str, Artifact],
        parent: Blueprint | None,
        asked: Sizes | None,
        leeways: Collection[Leeway] | None = None,
    ) -> Blueprint:
        before = parent.topology if parent else None
        if leeways is None:
            leeways = parent.leeways if parent else ()
        # Of what nobody sizes any more, nothing that was said of its size is kept.
        said = tuple(leeway for leeway in leeways if leeway.service in self.followed)
        # Without somebody who shrinks what grew, a size is what the file says.
        sizes = kept(self.loaded.site, self.registry, before if self._is_governed else None, asked)
        topology = place(self.loaded.site, self.registry, grounds, before, sizes)
        in_place = self.store.in_place()
        blueprint = compile_blueprint(self.loaded.site, self.registry, topology, artifacts, parent, in_place, said)
        findings = failing(self.loaded.located(audit(self.loaded.site, self.registry, blueprint)))
        if findings:
            raise Invalid(*findings)
        return blueprint

    @property
    def _is_governed(self) -> bool:
        pairs = [(wish, self.registry[wish.component]) for wish in self.loaded.site.wishes]
        placed = [(wish, c.placement) for wish, c in pairs if c.governs and isinstance(c.placement, InPool)]
        return any(placement.wanted(wish.options) for wish, placement in placed)


def _changed(before: Blueprint, after: Blueprint) -> list[str]:
    """The services of which some member is another than before; empty text: the machines themselves."""
    old = {(bundle.machine, held.member): held for bundle in before.bundles for held in bundle.parts}
    new = {(bundle.machine, held.member): held for bundle in after.bundles for held in bundle.parts}
    members = {**before.topology.member_by_name, **after.topology.member_by_name}
    differing = {member for key in old.keys() | new.keys() if old.get(key) != new.get(key) for _, member in [key]}
    return sorted({members[member].service if member else "" for member in differing})


def _more(service: str, others: list[str]) -> Finding:
    what = ", ".join(other or "the machines" for other in others)
    return Finding(
        where=service,
        what="the site file asks for more than another release",
        why=f"something changed for {what} since the last `outlast up`",
        fix="look at `outlast plan`; `outlast up` brings all of it, with the same care",
    )
