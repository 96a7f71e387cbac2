"""Small components of the tests' own, and sites made of them: enough shapes to meet every rule of the frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from outlast.contract.bundle import File, Part, Service
from outlast.contract.component import AnyComponent, Beside, Claim, Component, InPool
from outlast.contract.interface import Http, Provided, Reach, Required, Variable
from outlast.contract.probe import Health, Output, Report
from outlast.contract.registry import Registered, Registry
from outlast.contract.unit import Unit
from outlast.contract.view import NodeView
from outlast.site.schema import Datacenter, Site, Wish
from outlast.topology.topology import Ground


class Options(BaseModel):
    """Options of every toy; each heeds those that concern it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = 2
    port: int | None = None
    uses: tuple[str, ...] = ()
    text: str = ""


def toy(
    name: str,
    placement: InPool[Options] | Beside,
    *,
    provides: Sequence[Provided] = (),
    requires: Sequence[Required] = (),
    many: bool = False,
    floats: bool = False,
    quorum: bool = False,
) -> AnyComponent:
    """A component that provides and requires just this, and what its options add."""
    claim = Claim(f"{name}s", many=True) if many else Claim(name, default=True)

    def provided(options: Options, _index: int) -> tuple[Provided, ...]:
        return tuple(
            Provided(p.interface, p.port or options.port, p.loopback, p.public, p.http, p.environment) for p in provides
        )

    def required(options: Options) -> tuple[Required, ...]:
        return (*requires, *(Required(use, Reach.MACHINE) for use in options.uses))

    return Component(
        name=name,
        summary=f"A toy called {name}",
        claim=claim,
        options=Options,
        placement=placement,
        provides=provided,
        requires=required,
        packages=lambda _options: (f"{name}-server",),
        render=_render,
        parse=_parse,
        floats=floats,
        quorum=quorum,
    )


def _render(view: NodeView[Options]) -> Part:
    """One file that is read at the start, one that a reload reads, one service."""
    folder = f"/etc/outlast/{view.service}"
    lines = [f"{e.interface} {e.member} {e.address}:{e.port}" for e in view.endpoints]
    main = File(f"{folder}/main", "\n".join([view.member, view.options.text, *lines, ""]))
    light = File(f"{folder}/light", " ".join([*view.clients, *(f.address for f in view.floating)]) + "\n")
    unit = Unit(description=view.service, start="/bin/sleep infinity")
    service = Service(f"outlast-{view.service}.service", unit.text(), (main.path,), (light.path,))
    return Part(files=(main, light), services=(service,), probe=("echo", "well"))


def _parse(output: Output) -> Report[None]:
    well = output.stdout == "well\n"
    return Report(Health.HEALTHY, "said so") if well else Report(Health.UNKNOWN, "said nothing")


DATABASE_URL = Variable("DATABASE_URL", "db://{account}@{address}:{port}/{site}")

WEB = toy(
    "web",
    InPool("app", count=lambda options: options.count, size=1),
    provides=[Provided("http-backend", http=Http(("/",), "/healthz"))],
    many=True,
)
EDGE = toy(
    "edge",
    InPool("edge", count=None, size=2),
    provides=[Provided("https", port=443, public=True)],
    requires=[Required("http-backend", Reach.DATACENTER, optional=True)],
    floats=True,
)
STORE = toy(
    "store",
    InPool("data", count=lambda options: options.count, size=3),
    provides=[Provided("sql", port=3306), Provided("metrics", port=9104)],
    requires=[Required("sql", Reach.CLUSTER)],
)
PROXY = toy(
    "proxy",
    Beside("database"),
    provides=[Provided("database", port=3307, loopback=True, environment=(DATABASE_URL,))],
    requires=[Required("sql", Reach.DATACENTER)],
)
WATCH = toy(
    "watch",
    InPool("data", count=lambda _options: 1, size=1),
    provides=[Provided("watching"), Provided("console", port=9090)],
    requires=[Required("metrics", Reach.SITE, optional=True), Required("https", Reach.SITE)],
)


def registry(*components: AnyComponent) -> Registry:
    """A registry of toys: of all of them when none is named."""
    return Registry(tuple(Registered(c, "") for c in components or (WEB, EDGE, STORE, PROXY, WATCH)))


TOYS = registry()


def site(
    *,
    apps: Mapping[str, Options] | None = None,
    engines: Mapping[str, Options] | None = None,
    datacenters: Mapping[str, Datacenter] | None = None,
    compact: bool = False,
) -> Site:
    """A site of toys: apps by name, and the options of the other components by theirs."""
    wishes = [Wish(name=n, component="web", section="apps", options=o) for n, o in (apps or {}).items()]
    wishes += [Wish(name=n, component=n, section=n, options=o) for n, o in (engines or {}).items()]
    return Site(
        site="toy",
        domain="toy.test",
        datacenters=datacenters or {"east": Datacenter(machines="lab")},
        footprint="compact" if compact else "spread",
        wishes=tuple(wishes),
    )


NETWORKS = {"east": 77, "west": 78}


def grounds(site: Site, prefix: int = 24) -> list[Ground]:
    """A network for each data centre, the same ones for every site."""
    return [Ground(name, f"10.{NETWORKS[name]}.0.0/{prefix}") for name in site.datacenters]


FULL = site(
    apps={"shop": Options(uses=("database",)), "api": Options(count=3)},
    engines={"edge": Options(), "store": Options(count=3), "proxy": Options(), "watch": Options()},
)
"""One of everything, in one data centre."""
