"""Loads a site file: text in, a `Site` out, or all findings at once. Reads no file and asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.invalid import Fault
from outlast.kernel.names import APP_LENGTH, check_name
from outlast.site.check import Draft, check
from outlast.site.core import CORE_TEXTS
from outlast.site.environments import arising, clashes, environments, legible, overlaid
from outlast.site.explain import Explainer, Subject
from outlast.site.places import Places
from outlast.site.schema import Core, Site, Wish
from outlast.site.section import Section, by_key
from outlast.site.shape import Shape
from outlast.site.tree import Tree, Value, parse
from outlast.site.vocabulary import Vocabulary
from outlast.site.wording import Path, one_of

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A site, and where each part of it stands in its file. `environment` is the one that it is, empty for the file
    without one; `environments` are all that the file has."""

    site: Site
    places: Places
    environment: str = ""
    environments: tuple[str, ...] = ()

    def located(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Findings that name a place in the site file by its path get file, line and column."""
        known = {"apps", "datacenters", "secrets", *(wish.section for wish in self.site.wishes)}
        return tuple(
            replace(f, where=self.places.where(*f.where.split("."))) if f.where.split(".")[0] in known else f
            for f in findings
        )


def load(text: str, file: str, sections: Sequence[Section], environment: str = "") -> Loaded:
    """The site that `text` describes, or that environment of it; `file` is what findings call it. Raises `Invalid` with
    every finding."""
    tree, groups = parse(text, file), by_key(sections)
    rivals = tuple(clashes(tree))
    if not environment:
        return _read(tree, groups, rivals)
    over = overlaid(tree, environment)
    try:
        loaded = _read(over, groups, rivals)
    except Invalid as invalid:
        raise Invalid(*arising(invalid.findings, environment, _flaws(tree, groups, rivals))) from None
    return replace(loaded, environment=environment, environments=environments(tree))


def load_all(text: str, file: str, sections: Sequence[Section]) -> tuple[Loaded, ...]:
    """The site of the file and then each of its environments. Raises `Invalid` with every finding of any."""
    names = legible(parse(text, file))
    found: list[Finding] = []
    loaded: list[Loaded] = []
    for name in ("", *names):
        try:
            loaded.append(load(text, file, sections, name))
        except Invalid as invalid:
            found += invalid.findings
    if found:
        raise Invalid(*sorted(set(found), key=_place))
    return tuple(loaded)


def _read(tree: Tree, groups: dict[str, tuple[Section, ...]], rivals: tuple[Finding, ...]) -> Loaded:
    return replace(_Reading(tree, groups, rivals).result(), environments=environments(tree))


def _flaws(tree: Tree, groups: dict[str, tuple[Section, ...]], rivals: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What is wrong with the file without an environment."""
    try:
        _read(tree, groups, rivals)
    except Invalid as invalid:
        return invalid.findings
    return ()


class _Reading:
    """One pass over one file, collecting findings."""

    def __init__(self, tree: Tree, sections: dict[str, tuple[Section, ...]], found: tuple[Finding, ...]) -> None:
        core = Shape.of(Core)
        self._tree = tree
        self._sections = sections
        self._core = Subject((), core, parse("".join(CORE_TEXTS.values()), "core").root)
        self._explainer = Explainer(tree, Vocabulary.of(core, sections))
        self._findings = [*tree.findings, *found]

    def result(self) -> Loaded:
        known = (*self._core.shape.keys, *self._sections)
        strange = [key for key in self._tree.root if key not in known]
        self._findings += [self._explainer.unknown_key((key,), known) for key in strange]
        own = {key: value for key, value in self._tree.root.items() if key in self._core.shape.keys}
        core = self._validated(Core, own, self._core)
        wishes = tuple(self._wishes())
        self._findings += check(Draft(core, wishes, tuple(self._asked()), self._sections, self._tree))
        if self._findings or core is None:
            raise Invalid(*sorted(set(self._findings), key=_place))
        site = Site(**dict(core), wishes=wishes)
        return Loaded(site, self._tree.places)

    def _wishes(self) -> Iterator[Wish]:
        for key, group in self._sections.items():
            if key not in self._tree.root:
                yield from (wish for s in group if s.default for wish in self._wish((key,), s, {}))
            elif group[0].many:
                yield from self._many(key, group)
            else:
                yield from self._one((key,), group)

    def _many(self, key: str, group: tuple[Section, ...]) -> Iterator[Wish]:
        entries = self._tree.root[key]
        if not isinstance(entries, dict | None):
            shape = Shape.mapping_of(Shape.of(group[0].options))
            self._findings.append(self._explainer.mismatch((key,), shape, {"web": _subject((), group[0]).minimal}))
            return
        options = Shape.of(group[0].options).keys
        unnamed = [name for name, value in (entries or {}).items() if name in options and not isinstance(value, dict)]
        if unnamed:
            self._findings.append(self._explainer.unnamed((key, unnamed[0])))
            return
        explained = {finding.where for finding in self._tree.findings}
        for name in entries or {}:
            where = self._tree.places.key(key, name)
            try:
                check_name(name, one_of(key), APP_LENGTH)
            except Fault as fault:
                self._findings += () if where in explained else (self._explainer.fault(where, fault),)
            yield from self._one((key, name), group)

    def _one(self, path: Path, group: tuple[Section, ...]) -> Iterator[Wish]:
        value = self._tree.at(path)
        engines = {section.engine: section for section in group if section.engine}
        if not isinstance(value, dict | None):
            meant = isinstance(value, str) and value in engines
            sample = {"engine": value} if meant else _subject(path, group[0]).minimal
            self._findings.append(self._explainer.mismatch(path, Shape.of(group[0].options), sample))
            return
        options = dict(value or {})
        section: Section | None = group[0]
        if engines and "engine" in options:
            engine = options.pop("engine")
            section = engines.get(engine) if isinstance(engine, str) else None
        if section is None:
            self._findings.append(self._explainer.choice((*path, "engine"), tuple(engines)))
            return
        yield from self._wish(path, section, options)

    def _wish(self, path: Path, section: Section, value: dict[str, Value]) -> Iterator[Wish]:
        recovery = self._tree.root.get("recovery")
        preset: Mapping[str, Any] = section.presets.get(recovery, {}) if isinstance(recovery, str) else {}
        options = self._validated(section.options, _over(preset, value), _subject(path, section))
        if options is not None:
            yield Wish(name=str(path[-1]), component=section.component, section=section.key, options=options)

    def _validated(self, model: type[M], value: dict[str, Value], subject: Subject) -> M | None:
        counted = [
            self._explainer.mismatch(path, shape, subject.sample(path))
            for path, shape in _counted_truths(value, subject.shape, subject.at)
        ]
        self._findings += counted
        try:
            return model.model_validate(value)
        except ValidationError as error:
            known = {finding.where for finding in counted}
            self._findings += [f for f in self._explainer.explain(error, subject) if f.where not in known]
            return None

    def _asked(self) -> Iterator[str]:
        """What the file asks for by name, also where it does so wrongly."""
        for key, group in self._sections.items():
            value = self._tree.root.get(key)
            if group[0].many:
                yield from value if isinstance(value, dict) else ()
            elif key in self._tree.root or any(section.default for section in group):
                yield key


def _over(preset: Mapping[str, Any], said: dict[str, Value]) -> dict[str, Value]:
    """The preset, and over it what the file says itself; sections within a section are merged the same way."""
    merged: dict[str, Value] = {**preset, **said}
    for key, value in preset.items():
        own = said.get(key)
        if isinstance(value, Mapping) and isinstance(own, dict):
            merged[key] = _over(cast(Mapping[str, Any], value), own)
    return merged


def _subject(at: Path, section: Section) -> Subject:
    return Subject(at, Shape.of(section.options), _example(section), ("engine",) if section.engine else ())


def _example(section: Section) -> Value:
    """The documented options of a section (of its first name), or nothing when there are none."""
    try:
        value = parse(section.example, section.key).root.get(section.key)
    except Invalid:
        return None
    return next(iter(value.values()), None) if section.many and isinstance(value, dict) else value


def _counted_truths(value: Value, shape: Shape | None, path: Path) -> Iterator[tuple[Path, Shape]]:
    """Where the file says `yes` and only a number would do: pydantic would count it as 1."""
    if shape is None:
        return
    if isinstance(value, bool):
        if any(map(shape.is_a, ("integer", "number"))) and not shape.is_a("boolean"):
            yield path, shape
    elif isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for part, item in parts:
            yield from _counted_truths(item, shape.at((part,)), (*path, part))


def _place(finding: Finding) -> tuple[int, int, str]:
    line, column = finding.where.rsplit(":", 2)[1:]
    return int(line), int(column), finding.what
