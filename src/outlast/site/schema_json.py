"""The JSON Schema (draft 2020-12) of a whole site file, for editors that complete and check while one types.

It is a hint and not the judge: `load` also knows what no schema can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from outlast.kernel.names import AppName
from outlast.site.environments import KEY
from outlast.site.schema import Core
from outlast.site.section import Section, by_key
from outlast.site.shape import Shape

DRAFT = "https://json-schema.org/draft/2020-12/schema"
OVERLAY = "Overlay"
_PRIVATE = "x-words"
_REFERENCE = "#/$defs/"


def json_schema(sections: Iterable[Section]) -> dict[str, Any]:
    """The schema of a site file with these sections, as plain JSON values."""
    groups = by_key(sections)
    options = [section.options for group in groups.values() for section in group]
    models = [_Name, Core, *dict.fromkeys(options)]
    references, shared = models_json_schema([(model, "validation") for model in models])
    found = _Models({model: references[model, "validation"] for model in models}, shared["$defs"])
    core = found.resolved(Core)
    own = {key: _section(group, found) for key, group in groups.items()}
    used = {name: node for name, node in found.definitions.items() if name not in found.hidden(_Name, Core)}
    properties = {**core["properties"], **own}
    overlay = _overlay({key: node for key, node in properties.items() if key != KEY})
    definitions = {**used, **{f"{name}{OVERLAY}": _loose(node) for name, node in used.items()}, OVERLAY: overlay}
    properties[KEY] = _of_environments(properties[KEY])
    return {
        "$schema": DRAFT,
        "title": "Outlast site file",
        "description": "One file that says what must run and what must survive.",
        "type": "object",
        "properties": _polished(properties, definitions),
        "required": core["required"],
        "additionalProperties": False,
        "$defs": _polished(definitions, definitions),
    }


class _Name(BaseModel):
    """Only here so that the schema of a name is made in the same run as the others."""

    name: AppName


class _Models:
    """The schemas of several models that share their definitions."""

    def __init__(self, references: Mapping[type[BaseModel], Mapping[str, Any]], definitions: dict[str, Any]) -> None:
        self.references = references
        self.definitions = definitions

    def resolved(self, model: type[BaseModel]) -> dict[str, Any]:
        """The model's own node instead of the reference to it."""
        return self.definitions[self._key(model)]

    def hidden(self, *models: type[BaseModel]) -> set[str]:
        """The definitions that are written out elsewhere."""
        return {self._key(model) for model in models}

    def _key(self, model: type[BaseModel]) -> str:
        return str(self.references[model]["$ref"]).rpartition("/")[2]


def _section(group: tuple[Section, ...], models: _Models) -> dict[str, Any]:
    first = group[0]
    one = _one(group, models)
    if not first.many:
        return one
    names = models.resolved(_Name)["properties"]["name"]
    return {
        "type": "object",
        "description": (first.options.__doc__ or "").strip(),
        "propertyNames": {key: names[key] for key in ("pattern", "maxLength")},
        "additionalProperties": one,
    }


def _one(group: tuple[Section, ...], models: _Models) -> dict[str, Any]:
    """The options of the only engine, or of whichever `engine:` names."""
    if not group[0].engine:
        return dict(models.references[group[0].options])
    whole = [_with_engine(section, models) for section in group]
    if len(group) == 1:
        return whole[0]
    engine = {"enum": [section.engine for section in group], "default": group[0].engine}
    cases = [
        {"if": {"properties": {"engine": {"const": section.engine}}, "required": ["engine"]}, "then": node}
        for section, node in zip(group, whole, strict=True)
    ]
    unsaid = {"if": {"not": {"required": ["engine"]}}, "then": whole[0]}
    return {"type": "object", "properties": {"engine": engine}, "allOf": [*cases, unsaid]}


def _with_engine(section: Section, models: _Models) -> dict[str, Any]:
    node = models.resolved(section.options)
    engine = {"const": section.engine, "description": "The program that does the work."}
    return {**node, "properties": {"engine": engine, **node.get("properties", {})}}


def _of_environments(node: Mapping[str, Any]) -> dict[str, Any]:
    (pattern,) = node["patternProperties"]
    overlay = {"anyOf": [{"$ref": f"{_REFERENCE}{OVERLAY}"}, {"type": "null"}]}
    return {**node, "patternProperties": {pattern: overlay}}


def _overlay(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What an environment may say: any part of a site file, or nothing to remove it."""
    return {"type": "object", "properties": _loose_keys(properties), "additionalProperties": False}


def _loose(node: Any) -> Any:
    """The node of a mapping as a part of it may be. Lists are replaced whole, so they stay as they are."""
    if not isinstance(node, dict):
        return node
    known = cast("dict[str, Any]", node)
    if "allOf" in known:
        # Which engine is meant may be said in the rest of the file.
        return {"type": "object"}
    if "$ref" in known:
        return {**known, "$ref": f"{known['$ref']}{OVERLAY}"}
    loose = {key: value for key, value in known.items() if key not in ("required", "minProperties")}
    for key in ("properties", "patternProperties"):
        if key in known:
            loose[key] = _loose_keys(known[key])
    if isinstance(known.get("additionalProperties"), dict):
        loose["additionalProperties"] = _removable(known["additionalProperties"])
    for key in ("anyOf", "oneOf"):
        if key in known:
            loose[key] = [_loose(choice) for choice in known[key]]
    return loose


def _loose_keys(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _removable(node) for key, node in properties.items()}


def _removable(node: Any) -> dict[str, Any]:
    return {"anyOf": [_loose(node), {"type": "null"}]}


def _polished(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Without our private words; defaults as the file would write them; free keys only of the right form."""
    if isinstance(node, list):
        return [_polished(item, definitions) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    known = cast("dict[str, Any]", node)
    polished = {key: _polished(value, definitions) for key, value in known.items() if key != _PRIVATE}
    if _PRIVATE in known and "default" in known:
        polished["default"] = Shape(known, definitions).default
    if "patternProperties" in known:
        polished["additionalProperties"] = False
    return polished
