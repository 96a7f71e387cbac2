"""What a run of `up` says of machines, and of everything that went wrong in it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Found, Power


def made(found: Found | None) -> str:
    """What was done about a machine that was not running as it should."""
    if found is None:
        return "made the machine"
    return "started the machine: its power was off" if found.power is Power.OFF else "made the machine anew elsewhere"


def raise_all(results: list[Any]) -> None:
    """Raise what went wrong, each failure once although many steps may have waited for it."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, OutlastError):
            raise result
    findings = [finding for result in results if isinstance(result, OutlastError) for finding in result.findings]
    if findings:
        raise OutlastError(*dict.fromkeys(findings))


def refuse_outdated(found: Iterable[Found], wanted: Container[str]) -> None:
    """Raises `OutlastError` when a machine that is wanted was made from an older image."""
    names = sorted(machine.name for machine in found if machine.name in wanted and not machine.current)
    if names:
        raise OutlastError(*map(_outdated, names))


def _outdated(name: str) -> Finding:
    return Finding(
        where=name,
        what="it lacks Debian packages that the site file asks for now",
        why="they were added since the machine was made, and machines get packages from their image only",
        fix="undo the change of `packages`, or remove the site with `outlast down` and bring it up anew",
    )
