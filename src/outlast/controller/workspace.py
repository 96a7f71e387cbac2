"""Opens a site: reads its file, finds its components, and reaches for its stores, its vault and its provider."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from outlast.apply.apply import filled
from outlast.apply.vault import Vault, now
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry, discover
from outlast.controller import owner
from outlast.controller.compiler import Compiler
from outlast.controller.kit import hand_over, in_use, pack
from outlast.controller.makers import Place, is_handed_over, maker
from outlast.controller.office import Office
from outlast.controller.source import handed, missing_sources
from outlast.controller.store import STAGE, Stage, Store, own_folder
from outlast.kernel.errors import Finding, Invalid, OutlastError, Unreachable, failing
from outlast.machines.check import Check
from outlast.machines.machine import Machine
from outlast.machines.provider import BuildOrder, Provider
from outlast.seal import key
from outlast.site.environments import environments
from outlast.site.load import Loaded, load, load_all
from outlast.site.schema import Site
from outlast.site.tree import parse
from outlast.topology.sections import sections
from outlast.topology.topology import Ground


@dataclass(frozen=True)
class Workspace:
    """One site and everything that a verb needs of it."""

    file: Path
    loaded: Loaded
    registry: Registry
    given: Provider | None = None
    """Whoever makes the machines instead of the maker that the file names."""

    @property
    def site(self) -> Site:
        """The owner's wish."""
        return self.loaded.site

    @property
    def environment(self) -> str:
        """The environment of the file that this site is; empty: the file without one."""
        return self.loaded.environment

    @property
    def home(self) -> Path:
        """The folder of the site file."""
        return self.file.resolve().parent

    @cached_property
    def store(self) -> Store:
        """What the site keeps beside its file."""
        return Store(self.home / own_folder(self.environment))

    @cached_property
    def vault(self) -> Vault:
        """The site's secrets and its authority."""
        return Vault(self.store.folder, self.site.site, now())

    @cached_property
    def provider(self) -> Provider:
        """Whoever makes the machines."""
        return self.given or maker(self.site).provide(self._place)

    @cached_property
    def compiler(self) -> Compiler:
        """Makes its blueprints."""
        return Compiler(self.loaded, self.registry, self.store, self.home)

    @property
    def _place(self) -> Place:
        return Place(self.site, self.home, self.store.folder)

    def anew(self) -> Workspace:
        """The same at the time of now, by which certificates are judged; whoever makes the machines stays."""
        return replace(self, given=self.provider)

    def require(self, *, making: bool) -> None:
        """Raises `OutlastError` with everything that this box lacks for the site; `making`: room for machines too."""
        findings = failing(maker(self.site).lacking(self._place, making))
        if findings:
            raise OutlastError(*findings)

    async def examine(self, blueprint: Blueprint) -> tuple[Check, ...]:
        """Everything that `up` will need of this box and of the machines, looked at and left as it is."""
        return await maker(self.site).examine(self._place, blueprint)

    async def host(self, blueprint: Blueprint) -> Mapping[str, bytes] | None:
        """What controllers need of this computer runs. Answers the files with which they reach for the machines."""
        return await maker(self.site).host(self._place, blueprint)

    def find_secrets(self, blueprint: Blueprint, service: str = "") -> dict[str, str]:
        """The owner's secrets that somebody reads, or this service only. Raises `Invalid` with every one that cannot be
        found."""
        return owner.find(self.loaded, blueprint, self.home, service)

    async def grounds(self) -> tuple[Ground, ...]:
        """The networks of the data centres, as the provider gives them."""
        names = list(self.site.datacenters)
        networks = await self.provider.networks(names)
        return tuple(Ground(name, str(network)) for name, network in zip(names, networks, strict=True))

    def assumed_grounds(self) -> tuple[Ground, ...]:
        """Networks for looking at a site without a provider: those it has, otherwise made-up ones."""
        parent = self.store.blueprint()
        known = {ground.datacenter: ground.network for ground in parent.topology.grounds} if parent else {}
        return tuple(
            Ground(name, datacenter.network or known.get(name, f"10.{200 + number}.0.0/16"))
            for number, (name, datacenter) in enumerate(self.site.datacenters.items())
        )

    def held_builds(self, blueprint: Blueprint) -> dict[str, BuildOrder]:
        """The releases of a blueprint as they were handed over: each is here, and nothing is built."""
        return {artifact.name: handed(artifact, self.store) for artifact in in_use(blueprint)}

    def is_governed(self, blueprint: Blueprint) -> bool:
        """Whether controllers can do what would otherwise wait for an operator."""
        return is_handed_over(self.site) and any(
            self.registry[member.component].governs for member in blueprint.topology.members
        )

    async def catch_up(self) -> None:
        """Go on from what the site's controllers made of it since; without an answer, from what is known here.

        Nothing is overwritten by that: a machine refuses a generation that is older than its own.
        """
        own = self.store.blueprint()
        if own is not None and any(self.registry[member.component].governs for member in own.topology.members):
            with suppress(Unreachable):
                agreed = await Office(own, self.provider).intent()
                if agreed is not None and agreed.generation > own.generation:
                    self.store.keep(agreed)

    async def hand_over(
        self,
        blueprint: Blueprint,
        machines: Mapping[str, Machine],
        stage: Stage = Stage.DONE,
        *,
        own: bool = True,
        new: bool = False,
    ) -> None:
        """Give the controllers on these machines what they need of the site, and see to it that what they need of this
        computer runs. Not `own`: this computer is a controller, and passes on what was handed over to it; `new`: only
        to those that have nothing."""
        members = [m for m in blueprint.topology.members if self.registry[m.component].governs]
        homes = sorted({member.machine for member in members} & set(machines))
        if homes:
            tars = {a.digest: self.store.release(a.name, a.digest) for a in in_use(blueprint)}
            more: Mapping[str, bytes] | None = await self.host(blueprint) if own else {}
            if more is None:
                return
            if stage is not Stage.DONE:
                # Whoever goes on with it would otherwise make other secrets than those that are on machines already.
                await asyncio.to_thread(lambda: [filled(bundle, self.vault) for bundle in blueprint.bundles])
                more = {**more, STAGE: stage.encode()}
            secret = key.text(self.store.folder, os.environ)
            kit = pack(self.file, self.environment, self.store, secret, blueprint, tars, more)
            await hand_over(kit, [machines[home] for home in homes], new=new)


def open_workspace(file: Path, environment: str = "", *, sources: bool = True) -> Workspace:
    """The site of `file`, or that environment of it. Raises `Invalid` with everything that is wrong with it; `sources`:
    what it is built from must be there too."""
    registry = discover()
    loaded = load(_read(file), str(file), sections(registry), environment)
    workspace = Workspace(file, loaded, registry)
    missing = _missing(workspace) if sources else ()
    if missing:
        raise Invalid(*missing)
    return workspace


def open_all(file: Path) -> tuple[Workspace, ...]:
    """The site of `file` and each of its environments. Raises `Invalid` with everything that is wrong with any."""
    registry = discover()
    workspaces = [Workspace(file, one, registry) for one in load_all(_read(file), str(file), sections(registry))]
    missing = dict.fromkeys(finding for workspace in workspaces for finding in _missing(workspace))
    if missing:
        raise Invalid(*missing)
    return tuple(workspaces)


def environments_of(file: Path) -> tuple[str, ...]:
    """The names of a file's environments. Raises `Invalid` when it cannot be read at all."""
    return environments(parse(_read(file), str(file)))


def _missing(workspace: Workspace) -> tuple[Finding, ...]:
    found = missing_sources(workspace.site, workspace.registry, workspace.home)
    places = workspace.loaded.places
    return tuple(replace(f, where=places.where("apps", name, "source")) for name, f in found.items())


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = "run `outlast init` to write a commented one, or name another with -f"
        raise Invalid(Finding(str(file), "there is no site file", "no file of that name exists", fix)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        fix = "check its permissions and that it is a text file"
        raise Invalid(Finding(str(file), "the site file cannot be read", why, fix)) from None
