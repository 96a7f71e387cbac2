"""Brings the packages of one machine back to what it was made with."""

from __future__ import annotations

from collections.abc import Mapping

from outlast.apply.apply import Applier
from outlast.kernel.errors import Finding


async def bring_back(applier: Applier, wrong: Mapping[str, tuple[str, str]]) -> tuple[list[str], list[Finding]]:
    """What was mended, and what could not be. `wrong`: package to the wanted version and the one that is there."""
    name = applier.machine.name
    done = await applier.restore(list(wrong))
    mended: list[str] = []
    findings: list[Finding] = []
    for package, (want, have) in wrong.items():
        what = f"{package}: {f'{have} had been installed' if have else 'it had been removed'}"
        if done.failed:
            why = f"the machine was made with {want}, and apt cannot bring it back: {done.failed.splitlines()[-1]}"
            fix = f"make {want} reachable in its package sources, or run `outlast up --replace {name}`"
            findings.append(Finding(name, what, why, fix))
        else:
            mended.append(f"{what}; {want} put back")
    return mended, findings
