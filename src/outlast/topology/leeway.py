"""What an operator says of a service's size: how many members now, or between how many until further notice. Pure.

It narrows what the site file allows and never widens it: where a season asks for more than a leeway has, as little
more as the file allows is what holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from outlast.contract.scaling import Scaling
from outlast.kernel.errors import Finding, Invalid

AUTO = "auto"
NUMBERS = re.compile(r"([0-9]{1,6})(?:\.\.([0-9]{1,6}))?")


@dataclass(frozen=True, slots=True)
class Leeway:
    """Between how many members a service follows its load in each data centre, until further notice."""

    service: str
    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}..{self.most}"


Asked: TypeAlias = int | Leeway | None
"""So many members now; a leeway; None: as the site file says."""


def understood(service: str, text: str) -> Asked:
    """`4`, `3..6` or `auto`. Raises `Invalid`."""
    if text == AUTO:
        return None
    found = NUMBERS.fullmatch(text)
    fix = f"write `outlast scale {service} 4`, `outlast scale {service} 3..6` or `outlast scale {service} {AUTO}`"
    if not found:
        raise Invalid(Finding(service, f"`{text}` is no size", f"a size is a number, two of them, or `{AUTO}`", fix))
    least, most = int(found[1]), int(found[2] or found[1])
    if least > most:
        raise Invalid(Finding(service, f"`{text}` is no size", "the smaller number comes first", fix))
    return Leeway(service, least, most) if found[2] else least


def narrowed(scaling: Scaling, service: str, leeways: Iterable[Leeway]) -> Scaling:
    """As it is with what an operator said of this service."""
    for leeway in leeways:
        if leeway.service == service:
            least, most = (min(max(said, scaling.least), scaling.most) for said in (leeway.least, leeway.most))
            because = ", ".join(filter(None, (scaling.because, f"`outlast scale {service} {leeway}`")))
            return replace(scaling, least=least, most=most, because=because)
    return scaling


def said(leeways: Iterable[Leeway], service: str, size: Leeway | None) -> tuple[Leeway, ...]:
    """All leeways once this is said of one service."""
    others = [leeway for leeway in leeways if leeway.service != service]
    return tuple(sorted([*others, *([size] if size else [])], key=lambda leeway: leeway.service))


def refused(service: str, size: Asked, scaling: Scaling, leeways: Iterable[Leeway], where: str) -> Finding | None:
    """Why it cannot be, None: it can. `scaling` is as the site file has it now, `where` the place of that."""
    if size is None:
        return None
    least, most = (size, size) if isinstance(size, int) else (size.least, size.most)
    what = f"{service} cannot have {least}{f' to {most}' if isinstance(size, Leeway) else ''} members"
    if not scaling.least <= least <= most <= scaling.most:
        season = f" now ({scaling.because})" if scaling.because else ""
        why = f"the site file allows {scaling.least} to {scaling.most}{season}"
        fix = f"write other bounds in `apps.{service}.scale` of the site file, and run `outlast up`"
        return Finding(where, what, why, fix)
    now = narrowed(scaling, service, leeways)
    if isinstance(size, int) and not now.least <= size <= now.most:
        why = f"{now.because} holds until further notice"
        fix = f"take that back with `outlast scale {service} {AUTO}`, or say other bounds"
        return Finding(service, what, why, fix)
    return None
