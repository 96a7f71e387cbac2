"""The sections that components bring to the site file, in the form that the site's loader reads."""

from __future__ import annotations

from outlast.contract.component import InPool
from outlast.contract.registry import Registry
from outlast.site.section import Section


def sections(registry: Registry) -> tuple[Section, ...]:
    """One section for each component."""
    return tuple(
        Section(
            key=component.claim.key,
            component=component.name,
            options=component.options,
            many=component.claim.many,
            engine=component.claim.engine,
            default=component.claim.default,
            pool=component.placement.pool if isinstance(component.placement, InPool) else None,
            presets=component.presets,
            example=registry.example(component.name),
        )
        for component in registry
    )
