"""A site on simulated machines, driven as `up` drives one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from outlast.apply.vault import Vault, now
from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.contract.model import Model
from outlast.contract.registry import Registry, discover
from outlast.contract.simulated import simulated
from outlast.controller.drift import drift
from outlast.controller.lease import operator
from outlast.controller.observe import look
from outlast.controller.outcome import Terms
from outlast.controller.source import releases
from outlast.controller.store import Store
from outlast.controller.up import Up
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import failing
from outlast.kernel.events import silent
from outlast.machines.sim.sim import Sim
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.status import Status, assess
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground


def models(registry: Registry) -> dict[str, Model]:
    """The models of all components that have one."""
    return {component.name: component.model for component in registry if component.model}


@dataclass(frozen=True)
class SimSite:
    """One site file in a folder of its own."""

    home: Path
    text: str
    registry: Registry

    @property
    def store(self) -> Store:
        """What the site keeps."""
        return Store(self.home / ".outlast")

    def vault(self) -> Vault:
        """Its secrets."""
        return Vault(self.store.folder, "simulated", now())

    def provider(self, clock: Callable[[], float] | None = None) -> Sim:
        """Its machines."""
        own = models(self.registry)
        folder = self.store.folder
        return Sim("simulated", folder, own, clock=clock) if clock else Sim("simulated", folder, own)

    async def up(self, sim: Sim | None = None) -> tuple[str, ...]:
        """What `outlast up` does, in its order. Answers what was done."""
        provider = sim or self.provider()
        site = loaded(self.text, self.registry)
        names = list(site.datacenters)
        networks = await provider.networks(names)
        grounds = [Ground(name, str(network)) for name, network in zip(names, networks, strict=True)]
        parent = self.store.blueprint()
        wanted = releases(site, self.registry, self.home, self.store)
        topology = place(site, self.registry, grounds, parent.topology if parent else None)
        artifacts = {name: release.artifact for name, release in wanted.items()}
        blueprint = compile_blueprint(site, self.registry, topology, artifacts, parent, self.store.in_place())
        assert not failing(audit(site, self.registry, blueprint))
        builds = {release.artifact.name: release.order for release in wanted.values()}
        with self.store.lock("up"):

            async def keep() -> None:
                self.store.keep(blueprint)

            terms = Terms(operator("up"), keep=keep)
            outcome = await Up(blueprint, self.registry, provider, self.vault(), builds, silent, terms).run()
            self.store.keep_in_place(blueprint)
        assert outcome.findings == ()
        return outcome.done

    def workspace(self, sim: Sim) -> Workspace:
        """What a controller opens of it."""
        file = self.home / "site.yaml"
        file.write_text(self.text)
        return Workspace(file, load(self.text, str(file), sections(self.registry)), self.registry, sim)

    def blueprint(self) -> Blueprint:
        """What was applied last."""
        found = self.store.blueprint()
        assert found is not None
        return found

    async def status(self, sim: Sim | None = None) -> Status:
        """The site as it is."""
        provider = sim or self.provider()
        found = {machine.name: machine for machine in await provider.list()}
        sight = await look(self.blueprint(), provider, self.vault())
        return assess(self.blueprint(), self.registry, found, sight)

    async def drifted(self) -> tuple[Any, ...]:
        """How machines differ from the blueprint."""
        return await drift(self.blueprint(), self.registry, self.provider(), self.vault())


@cache
def loaded(text: str, registry: Registry) -> Site:
    """The site of a file's text. Kept: a crash test asks for it hundreds of times."""
    return load(text, "site.yaml", sections(registry)).site


TEXT = """
site: simulated
domain: simulated.test
datacenters: {{ east: {{ machines: lab }} }}
apps:
  web:
    source: ./app
    run: serve
    rollout: {{ watch: 0s }}
    {web}
{rest}
"""


def new_site(
    home: Path, *, web: str = "scale: { min: 2 }", rest: str = "", registry: Registry | None = None
) -> SimSite:
    """A site with one app, and what `rest` adds."""
    (home / "app").mkdir(parents=True, exist_ok=True)
    (home / "app" / "main.py").write_text("serve = 1\n")
    return SimSite(home, TEXT.format(web=web, rest=rest), registry or known())


@cache
def known() -> Registry:
    """All components, as simulated machines run them."""
    return simulated(discover())
