"""A report as a JSON document, in and out without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from outlast.kernel.errors import Finding, Invalid
from outlast.proof.experiment import Report


@dataclass(frozen=True, slots=True)
class _Document:
    """`format` changes when an older Outlast could not read what this one writes."""

    report: Report
    format: Literal["outlast report 1"] = "outlast report 1"


_ADAPTER = TypeAdapter(_Document)


def dump(report: Report) -> bytes:
    """The report as JSON text."""
    return _ADAPTER.dump_json(_Document(report))


def parse(text: bytes, where: str) -> Report:
    """The report that `dump` wrote. Raises `Invalid` when the text is something else; `where` says whose text it is."""
    try:
        return _ADAPTER.validate_json(text).report
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "its first line"
        raise Invalid(
            Finding(
                where=where,
                what="this is not a report that can be read",
                why=f"it is damaged, or another version wrote it: {place}: {first['msg']}",
                fix="name a report that `outlast prove` of this version wrote, or run it again",
            )
        ) from None
