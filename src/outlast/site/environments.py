"""Environments: other sites from the same file, each with what differs laid over what all have in common.

Mappings merge key by key, all else replaces, and nothing (`null`) removes. The result is a tree like any other, whose
values stand where they were written, so everything that reads a site file reads an environment too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.names import SITE_LENGTH, propose_name
from outlast.site.places import Places, Spot
from outlast.site.tree import Tree, Value
from outlast.site.wording import Path, closest, dotted, listed, shown

KEY = "environments"


def environments(tree: Tree) -> tuple[str, ...]:
    """The names of a file's environments, in its order."""
    held = tree.root.get(KEY)
    return tuple(held) if isinstance(held, dict) else ()


def legible(tree: Tree) -> tuple[str, ...]:
    """Those environments that are mappings, or nothing: what is wrong with the others, the file's own check says."""
    return tuple(name for name in environments(tree) if isinstance(tree.at((KEY, name)), dict | None))


def overlaid(tree: Tree, name: str) -> Tree:
    """The file as an environment has it: without `environments`, and with what that one says over the rest.

    Raises `Invalid` when the file has no such environment.
    """
    overlays = tree.root.get(KEY)
    if not isinstance(overlays, dict) or name not in overlays:
        raise Invalid(_unknown(tree, name))
    overlay = overlays[name]
    if not isinstance(overlay, dict | None):
        where = tree.places.where(KEY, name)
        why = "an environment says what differs from the rest of the file"
        raise Invalid(Finding(where, f"{dotted((KEY, name))} must be a mapping", why, f"write `{name}: {{}}`"))
    return _Overlay(tree, name).over(overlay or {})


def clashes(tree: Tree) -> Iterator[Finding]:
    """Environments that could not live side by side: one name, one server or one address for two of them."""
    sites = {"": tree, **{name: overlaid(tree, name) for name in legible(tree)}}
    for (first, one), (second, other) in combinations(sites.items(), 2):
        name = one.root.get("site")
        if isinstance(name, str) and name == other.root.get("site"):
            what = f"{_called(second)} is called {shown(name)}, as {_called(first)} is"
            why = "everything that is made for a site bears its name, so each needs one of its own"
            yield Finding(_at(tree, second, "site"), what, why, "remove `site:` there, or write another name")
        taken = set(_servers(one)) & set(_servers(other))
        if taken:
            what = f"{_called(second)} has {listed(sorted(taken)[:3], 'and')}, as {_called(first)} has"
            why = "a server belongs to one site, and so does an address that users come to"
            fix = f"write `datacenters:` with other servers and floating addresses below {dotted((KEY, second))}"
            yield Finding(_at(tree, second, "datacenters"), what, why, fix)
        domain = one.root.get("domain")
        public = isinstance(domain, str) and _is_public(one) and _is_public(other)
        if public and domain == other.root.get("domain"):
            what = f"{_called(second)} has the domain {shown(str(domain))}, as {_called(first)} has"
            why = "people who type it come to one of them only"
            yield Finding(_at(tree, second, "domain"), what, why, "remove `domain:` there, or write another one")


def arising(found: Iterable[Finding], environment: str, common: Sequence[Finding]) -> Iterator[Finding]:
    """Findings that say in which environment they arise, unless they are among what all have in `common`."""
    for finding in found:
        what = f"{finding.what} (environment `{environment}`)"
        yield replace(finding, what=what) if environment and finding not in common else finding


class _Overlay:
    """What one environment's tree is made of."""

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree = tree
        self._name = name
        self._spots = {path: spot for path, spot in tree.places.spots.items() if path[:1] != (KEY,)}
        self._findings = list(tree.findings)

    def over(self, overlay: dict[str, Value]) -> Tree:
        """The whole tree with `overlay` over it, and a name and a domain of its own."""
        under = {key: value for key, value in self._tree.root.items() if key != KEY}
        own = {key: value for key, value in overlay.items() if key != KEY}
        if KEY in overlay:
            what, why = "an environment has environments", "they lie over the file, one deep"
            self._note((KEY,), what, why, "move them to the `environments` of the file")
        root = self._merged(under, own, ())
        self._named(root, under, own)
        return Tree(root, Places(self._tree.places.file, self._spots), tuple(self._findings))

    def _merged(self, under: dict[str, Value], over: dict[str, Value], at: Path) -> dict[str, Value]:
        merged = dict(under)
        for key, value in over.items():
            path, before = (*at, key), merged.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                merged[key] = self._merged(before, value, path)
                continue
            for inner in _paths(before, path):
                self._spots.pop(inner, None)
            # Also of what is removed: whoever misses it is pointed here.
            for inner in _paths(value, path):
                self._spots[inner] = self._spot(inner)
            if value is not None:
                merged[key] = value
            elif key in merged:
                del merged[key]
            else:
                self._nothing(path, under)
        return merged

    def _named(self, root: dict[str, Value], under: dict[str, Value], own: dict[str, Value]) -> None:
        """Where the environment does not say it: `shop-staging` and `staging.shop.test`."""
        site, domain = under.get("site"), under.get("domain")
        if isinstance(domain, str) and own.get("domain") is None:
            self._default(root, "domain", f"{self._name}.{domain}")
        if isinstance(site, str) and own.get("site") is None:
            name = f"{site}-{self._name}"
            proposal = propose_name(name, SITE_LENGTH)
            self._default(root, "site", name if len(name) <= SITE_LENGTH else proposal)
            if len(name) > SITE_LENGTH and proposal:
                what = f"its site would be called {shown(name)}, which has {len(name)} characters"
                why = f"a site's name may have {SITE_LENGTH}, because host names are made of it"
                self._note(
                    (), what, why, f"write `site: {proposal}`, or a better name, below {dotted((KEY, self._name))}"
                )

    def _default(self, root: dict[str, Value], key: str, value: str) -> None:
        root[key] = value
        self._spots[key,] = self._spot(())

    def _nothing(self, path: Path, under: dict[str, Value]) -> None:
        key = str(path[-1])
        near = closest(key, tuple(under), 0.8)
        what = f"{dotted(path)} is removed, and is not there"
        write = f"`{near}:`" if near else f"`{key}: {{}}` if you want one with its defaults, or remove the line"
        self._note(path, what, "nothing after a key of an environment removes that key", f"write {write}")

    def _note(self, path: Path, what: str, why: str, fix: str) -> None:
        self._findings.append(Finding(self._tree.places.key(KEY, self._name, *path), what, why, fix))

    def _spot(self, path: Path) -> Spot:
        return self._tree.places.spots[KEY, self._name, *path]


def _paths(value: Value, path: Path) -> Iterator[Path]:
    """The path of a value and of everything in it."""
    yield path
    if isinstance(value, dict | list):
        for part, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, part))


def _unknown(tree: Tree, name: str) -> Finding:
    known = environments(tree)
    near = closest(name, known, 0.5)
    why = f"the file has {listed(map(shown, known), 'and')}" if known else "the file has no `environments`"
    add = f"add `{KEY}: {{ {propose_name(name, SITE_LENGTH) or 'staging'}: {{}} }}`, or leave -e out"
    fix = f"did you mean `{near}`?" if near else f"use one of these, or {add}" if known else add
    return Finding(tree.places.key(KEY), f"there is no environment {shown(name)}", why, fix)


def _called(name: str) -> str:
    return f"the environment {shown(name)}" if name else "the file without an environment"


def _at(tree: Tree, name: str, key: str) -> str:
    return tree.places.key(KEY, name, key)


def _datacenters(tree: Tree) -> Iterator[dict[str, Value]]:
    """The data centres of servers; those of a lab are made for each site anew."""
    held = tree.root.get("datacenters")
    for datacenter in held.values() if isinstance(held, dict) else ():
        if isinstance(datacenter, dict) and datacenter.get("machines") == "ssh":
            yield datacenter


def _is_public(tree: Tree) -> bool:
    return any(_datacenters(tree))


def _servers(tree: Tree) -> Iterator[str]:
    """Every server and floating address, as the file writes it."""
    for datacenter in _datacenters(tree):
        servers, floating = datacenter.get("servers"), datacenter.get("floating")
        for server in servers if isinstance(servers, list) else ():
            if isinstance(server, dict) and isinstance(address := server.get("address"), str):
                yield f"the server {address}"
        for address in floating if isinstance(floating, list) else ():
            if isinstance(address, str):
                yield f"the floating address {address}"
