"""From pydantic's errors to findings: where in the file, what is wrong, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from outlast.kernel.errors import Finding
from outlast.kernel.invalid import Fault
from outlast.site import mismatch
from outlast.site.mismatch import Parts
from outlast.site.shape import ANY_TEXT, Shape
from outlast.site.tree import Tree, Value
from outlast.site.vocabulary import Vocabulary
from outlast.site.wording import Path, assignment, closest, dotted, listed, one_line, one_of, shown

LONGEST_PART = 500


@dataclass(frozen=True)
class Subject:
    """What was validated: the part of the file at `at`, which has `shape`.

    `example` is a good value of the same shape; `beside` are keys that the loader consumes itself.
    """

    at: Path
    shape: Shape
    example: Value = None
    beside: tuple[str, ...] = ()

    def shape_at(self, path: Path) -> Shape | None:
        """The shape at a path of the file."""
        return self.shape.at(path[len(self.at) :])

    @property
    def minimal(self) -> dict[str, Any]:
        """The least that could be written: the keys that have no default, or else one that has."""
        keys = [key for key in self.shape.keys if key in self.shape.required] or list(self.shape.keys)[:1]
        return {key: self.sample((*self.at, key)) for key in keys}

    def sample(self, path: Path) -> Any:
        """What could be written at a path of the file: from the documented example, or else from the shape."""
        value: Any = self.example
        for part in path[len(self.at) :]:
            match value:
                case dict():
                    found = cast("dict[str, Value]", value)
                    shape_knows = part in self.shape.keys or part in found
                    value = found.get(str(part)) if shape_knows else next(iter(found.values()), None)
                case [first, *_]:
                    value = first
                case _:
                    value = None
        shape = self.shape_at(path)
        return value if value is not None or shape is None else shape.sample


@dataclass(frozen=True)
class _Problem:
    """One error of pydantic at a path that the file has, or that lacks its last key.

    `stray`: it is about one of several choices; `of_key`: about the key itself.
    """

    kind: str
    path: Path
    message: str
    context: Mapping[str, Any]
    stray: bool
    of_key: bool

    @property
    def is_fault(self) -> bool:
        """A validator of ours found it."""
        return isinstance(self.context.get("error"), Fault)


@dataclass(frozen=True)
class Explainer:
    """Explains the errors of one file."""

    tree: Tree
    vocabulary: Vocabulary

    def explain(self, error: ValidationError, subject: Subject) -> list[Finding]:
        """A finding for each thing that the owner must change, none of them twice."""
        problems = [self._locate(details, subject.at) for details in error.errors(include_url=False)]
        found: dict[tuple[Path, str], Finding] = {}
        for problem in problems:
            rivals = [other for other in problems if other is not problem and other.stray]
            deeper = any(other.path[: len(problem.path)] == problem.path != other.path for other in rivals)
            # What got as far as a validator of ours is of the right kind, so that one was meant.
            meant = any(other.path == problem.path and other.is_fault for other in rivals) and not problem.is_fault
            if (problem.stray and (deeper or meant)) or self._misspelt(problem, subject):
                continue
            same = any(other.path == problem.path for other in rivals)
            undecided = problem.stray and same and not problem.is_fault
            kind = "choice_type" if undecided else problem.kind
            if (problem.path, kind) not in found:
                found[problem.path, kind] = self._finding(problem, kind, subject)
        return list(found.values())

    def unknown_key(self, path: Path, known: tuple[str, ...]) -> Finding:
        """A key that its mapping does not know."""
        parent, key = path[:-1], str(path[-1])
        belongs, fix = self.vocabulary.advice(key, parent, known)
        name, colon, rest = key.partition(":")
        if colon and name in known:
            fix = f"put a space after the colon: `{name}: {rest}`"
        docs = " ".join(("outlast docs", *map(str, parent[:1])))
        names = listed((f"`{word}`" for word in sorted(known)), "and") if known else "no keys"
        return self.finding(
            self.tree.places.key(*path),
            what=f"{shown(key)} is not a key of {dotted(parent)}",
            why=f"it belongs to {belongs}" if belongs else f"{dotted(parent)} knows {names}",
            fix=fix or f"remove it, or use one of these; `{docs}` explains them",
        )

    def mismatch(self, path: Path, shape: Shape, sample: Any) -> Finding:
        """A value of the wrong kind altogether."""
        written = self.tree.places.written(*path)
        return self.finding(
            self.tree.places.where(*path), *mismatch.explain_mismatch(path, self.tree.at(path), written, shape, sample)
        )

    def choice(self, path: Path, values: tuple[str, ...]) -> Finding:
        """A value that is none of `values`."""
        shape = Shape({"enum": values}, {})
        parts = mismatch.explain_choice(path, self.tree.at(path), shape, "")
        return self.finding(self.tree.places.where(*path), *parts)

    def unnamed(self, path: Path) -> Finding:
        """An option that stands where a name must, because the name was left out."""
        what = f"{shown(str(path[-1]))} stands where the name of {one_of(str(path[0]))} must"
        why = f"{dotted(path[:1])} holds names, and below each name its options"
        fix = "write a name such as `web:` above these lines, and indent them below it"
        return self.finding(self.tree.places.key(*path), what, why, fix)

    def fault(self, where: str, fault: Fault, of: str = "") -> Finding:
        """What a validator of ours says about the value at `of`."""
        return self.finding(where, f"{of}: {fault.what}" if of else fault.what, fault.why, fault.fix)

    @staticmethod
    def finding(where: str, what: str, why: str, fix: str) -> Finding:
        """A finding whose parts are short and on one line each, whatever the file contains."""
        return Finding(where, _tidy(what), _tidy(why), _tidy(fix))

    def _misspelt(self, problem: _Problem, subject: Subject) -> bool:
        """A key is missing only because it is misspelt, which has a finding of its own."""
        mapping, shape = self.tree.at(problem.path[:-1]), subject.shape_at(problem.path[:-1])
        if problem.kind != "missing" or not isinstance(mapping, dict) or shape is None:
            return False
        strange = [key for key in mapping if key not in shape.keys]
        return closest(str(problem.path[-1]), strange, 0.8) is not None

    def _locate(self, details: ErrorDetails, at: Path) -> _Problem:
        """pydantic's location names choices and validators too: follow only what the file has."""
        kind, rest, path, stray, of_key = details["type"], list(details["loc"]), at, False, False
        value = self.tree.at(at)
        while rest:
            part = rest.pop(0)
            if isinstance(value, dict) and part in value:
                value, path = value[str(part)], (*path, part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value, path = value[part], (*path, part)
            elif kind == "missing" and not rest:
                path = (*path, part)
            elif part == "[key]":
                of_key = True
            else:
                stray = True
        return _Problem(kind, path, details["msg"], details.get("ctx", {}), stray, of_key)

    def _finding(self, problem: _Problem, kind: str, subject: Subject) -> Finding:
        path, places = problem.path, self.tree.places
        if kind == "extra_forbidden":
            shape = subject.shape_at(path[:-1])
            beside = subject.beside if path[:-1] == subject.at else ()
            return self.unknown_key(path, (*(shape.keys if shape else ()), *beside))
        where = places.key(*path) if kind == "missing" or problem.of_key else places.where(*path)
        cause = problem.context.get("error")
        if isinstance(cause, Fault):
            where = places.where(*path, *cause.at) if cause.at else where
            return self.fault(where, cause, "" if problem.of_key else dotted((*path, *cause.at)))
        return self.finding(where, *self._parts(problem, kind, subject))

    def _parts(self, problem: _Problem, kind: str, subject: Subject) -> Parts:
        path, shape, sample = problem.path, subject.shape_at(problem.path), subject.sample(problem.path)
        if kind == "missing":
            return mismatch.explain_missing(path, shape, sample)
        value = self.tree.at(path)
        if kind in ("literal_error", "enum"):
            return mismatch.explain_choice(path, value, shape, str(problem.context.get("expected", "")))
        if bound := mismatch.explain_bound(path, value, kind, problem.context, shape):
            return bound
        if kind == "string_pattern_mismatch":
            pattern = str(problem.context["pattern"])
            return mismatch.explain_pattern(path, value, pattern, subject.shape_at(path), sample)
        if length := mismatch.explain_length(path, kind, problem.context, sample):
            return length
        if shape and (kind.endswith(("_type", "_parsing")) or kind == "int_from_float"):
            return mismatch.explain_mismatch(path, value, self.tree.places.written(*path), shape, sample)
        message = problem.message.removeprefix("Value error, ").removeprefix("Assertion failed, ") or "not accepted"
        why = (shape.description if shape else "") or f"{dotted(path)} does not accept this value"
        fix = f"write it like {assignment(path, sample)}"
        if sample == ANY_TEXT:
            fix = f"change it; {shown(' '.join(('outlast docs', *map(str, path[:1]))))} explains it"
        return Parts(f"{dotted(path)}: {message[:1].lower()}{message[1:]}", why, fix)


def _tidy(part: str) -> str:
    line = one_line(" ".join(part.split()))
    return line if len(line) <= LONGEST_PART else f"{line[:LONGEST_PART]}..."
