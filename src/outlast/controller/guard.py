"""The firewall of one machine while the site changes: opened first, narrowed last.

What is new is let through before anybody needs it, and what is old is refused only when nobody uses it any more.
It knows no rule; what may pass was decided in the blueprint.
"""

from __future__ import annotations

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed, Pending
from outlast.blueprint.nftables import SERVICE, WIDEN
from outlast.kernel.errors import Finding, OutlastError

WIDEN_LIMIT = 30.0


async def widen(applier: Applier, landed: Landed) -> None:
    """Let through what the new rules let through, and still what the old ones did. Raises `OutlastError`."""
    match landed.pending[SERVICE]:
        case Pending.NONE:
            return
        case Pending.RELOAD:
            done = await applier.machine.run(WIDEN, limit=WIDEN_LIMIT)
            if done.returncode != 0:
                raise OutlastError(_refused(applier.machine.name, done.stderr.decode(errors="replace")))
        case Pending.START | Pending.RESTART:
            # Nothing holds here yet, or not as it should: there is nothing to keep open.
            await applier.activate([SERVICE])


def is_widened(landed: Landed) -> bool:
    """Whether `widen` left more open than the new rules say."""
    return landed.pending[SERVICE] is Pending.RELOAD


async def narrow(applier: Applier) -> None:
    """Let through what the new rules say and nothing else."""
    await applier.activate([SERVICE])


def _refused(machine: str, text: str) -> Finding:
    lines = tuple(text.strip().splitlines()[-10:])
    why = lines[0] if lines else "nft said nothing"
    fix = "run the same command again; if it stays, report this: the rules are made by Outlast"
    return Finding(machine, "the new firewall rules could not be loaded; the old ones hold", why, fix, evidence=lines)
