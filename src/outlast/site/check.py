"""What makes no sense although every value does: names taken twice, routes in conflict, uses of nothing.

Knows no section by name: options that have `routes` or `uses` (tuples of texts) are checked for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import cast

from outlast.kernel.errors import Finding
from outlast.site.schema import Core, Wish
from outlast.site.secrets import check_readers
from outlast.site.section import Section
from outlast.site.servers import Needs, check_servers
from outlast.site.tree import Tree
from outlast.site.wording import Path, assignment, closest, dotted, listed, one_of, shown

COMPACT_POOL = "node"
_MACHINES = "machines are called so, as in `east-{pool}-1`"


@dataclass(frozen=True)
class Draft:
    """The valid parts of a file. `asked` names all services that it asks for, also the invalid ones."""

    core: Core | None
    wishes: tuple[Wish, ...]
    asked: tuple[str, ...]
    sections: Mapping[str, tuple[Section, ...]]
    tree: Tree

    def path(self, wish: Wish) -> Path:
        """Where a wish stands in the file."""
        return (wish.section, wish.name) if self.sections[wish.section][0].many else (wish.section,)

    @property
    def named(self) -> list[tuple[str, Path]]:
        """Every name that the owner chose for a service, and where."""
        many = [key for key, group in self.sections.items() if group[0].many]
        values = [(key, self.tree.at((key,))) for key in many]
        return [(name, (key, name)) for key, names in values if isinstance(names, dict) for name in names]


def check(draft: Draft) -> list[Finding]:
    """Every finding about the parts of a file together."""
    return [
        *_names_taken(draft),
        *_routes_taken(draft),
        *_uses_of_nothing(draft),
        *(_datacenters(draft, draft.core) if draft.core else ()),
        *_secrets(draft),
    ]


def _secrets(draft: Draft) -> Iterator[Finding]:
    # As the file has them, also where it says wrongly where they are found.
    named = draft.tree.at(("secrets",))
    known = tuple(named) if isinstance(named, dict) else ()
    return check_readers(known, {draft.path(wish): wish.options for wish in draft.wishes}, draft.tree.places)


def _names_taken(draft: Draft) -> Iterator[Finding]:
    taken = {COMPACT_POOL: _MACHINES.format(pool=COMPACT_POOL)}
    for section in (section for group in draft.sections.values() for section in group):
        if section.pool:
            taken[section.pool] = _MACHINES.format(pool=section.pool)
        if not section.many:
            taken[section.component] = f"members of `{section.key}` are called so, as in `east-{section.component}-1`"
            taken[section.key] = "a section of the file is called so"
    for name, path in draft.named:
        if name in taken:
            what = f"{shown(name)} cannot name {one_of(str(path[0]))}"
            yield Finding(draft.tree.places.key(*path), what, taken[name], f"choose another name, such as `my-{name}`")
        taken[name] = f"{dotted(path)} has this name already"


def _routes_taken(draft: Draft) -> Iterator[Finding]:
    taken: dict[tuple[str, str], Wish] = {}
    for wish in draft.wishes:
        for index, route in enumerate(_texts(wish, "routes")):
            key = (wish.section, route.rstrip("/"))
            other = taken.setdefault(key, wish)
            if other is wish:
                continue
            yield Finding(
                draft.tree.places.where(*draft.path(wish), "routes", index),
                f"{dotted(draft.path(wish))} and {dotted(draft.path(other))} both take the route {shown(route)}",
                "a request can go to one of them only",
                f"give one of them another route, as in `routes: [/{wish.name}]`",
            )


def _uses_of_nothing(draft: Draft) -> Iterator[Finding]:
    for wish in draft.wishes:
        for index, name in enumerate(_texts(wish, "uses")):
            if name not in draft.asked:
                where = draft.tree.places.where(*draft.path(wish), "uses", index)
                what = f"{dotted(draft.path(wish))} uses {shown(name)}, which the file does not ask for"
                yield Finding(where, what, *_offer(draft, name))


def _offer(draft: Draft, name: str) -> tuple[str, str]:
    if name in draft.sections and not draft.sections[name][0].many:
        return "what an app uses must be a part of the site", f"add {_minimal(draft.sections[name][0])}"
    usable = [key for key, group in draft.sections.items() if not group[0].many and not group[0].default]
    near = closest(name, usable, 0.6)
    why = f"it can use {listed(f'`{word}`' for word in usable)}" if usable else "no component here can be used"
    return why, f"write `{near}`" if near else f"remove {shown(name)}"


def _minimal(section: Section) -> str:
    return assignment((section.key,), {"engine": section.engine} if section.engine else {})


def _datacenters(draft: Draft, core: Core) -> Iterator[Finding]:
    places = draft.tree.places
    if all(datacenter.standby for datacenter in core.datacenters.values()):
        why = "a data centre on standby serves nobody until it is activated"
        yield Finding(places.where("datacenters"), "every data centre is on standby", why, "take `standby` from one")
    pools = {section.pool for group in draft.sections.values() for section in group if section.pool}
    used = {pool for wish in draft.wishes if (pool := draft.sections[wish.section][0].pool)}
    yield from check_servers(core, places, Needs(tuple(sorted(pools)), frozenset(used)))
    for name, datacenter in core.datacenters.items():
        for pool in datacenter.pools if datacenter.machines != "ssh" else ():
            where = places.key("datacenters", name, "pools", pool)
            if core.footprint == "compact":
                why = "`footprint: compact` puts every role on the same three machines"
                what = f"the pool {shown(pool)} has no machines of its own"
                yield Finding(where, what, why, "remove `pools`, or `footprint: compact`")
            elif pools and pool not in pools:
                why = f"the pools are {listed(sorted(pools), 'and')}"
                near = closest(pool, sorted(pools), 0.5)
                yield Finding(where, f"there is no pool {shown(pool)}", why, f"write `{near or min(pools)}`")
    yield from _ambiguous(draft, core, pools)


def _ambiguous(draft: Draft, core: Core, pools: set[str]) -> Iterator[Finding]:
    """Names are joined by hyphens, so `east` with `west-web` could make the name of `east-west` with `web`."""
    labels = {*pools, *(name for name, _ in draft.named), *(wish.component for wish in draft.wishes)}
    for short, long in permutations(core.datacenters, 2):
        rest = long.removeprefix(f"{short}-")
        if rest == long:
            continue
        for label in sorted(label for label in labels if f"{rest}-{label}" in labels):
            what = f"{shown(long)} with `{label}` and {shown(short)} with `{rest}-{label}` make the same names"
            why = "members and machines are called by data centre, service and number, and a name must mean one thing"
            yield Finding(
                draft.tree.places.key("datacenters", long), what, why, f"rename the data centre {shown(long)}"
            )


def _texts(wish: Wish, attribute: str) -> tuple[str, ...]:
    values: object = getattr(wish.options, attribute, ())
    if not isinstance(values, tuple):
        return ()
    return tuple(value for value in cast("tuple[object, ...]", values) if isinstance(value, str))
