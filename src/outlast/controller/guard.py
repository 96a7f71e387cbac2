"""The firewall of one machine while the site changes: opened first, narrowed last.

What is new is let through before anybody needs it, and what is old is refused only when nobody uses it any more.
It knows no rule; what may pass was decided in the blueprint.
"""

from __future__ import annotations

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed, Pending
from outlast.blueprint.nftables import SERVICE, WIDEN

FIRST = {SERVICE: WIDEN}
"""What a landing begins itself: rules where none hold yet, and else what lets both old and new through."""


async def widen(applier: Applier, landed: Landed) -> None:
    """Where the landing could not begin it: let through what the new rules let through, and still what the old ones
    did. Raises `OutlastError`."""
    if WIDEN in landed.begun:
        return
    match landed.pending[SERVICE]:
        case Pending.NONE:
            return
        case Pending.RELOAD:
            await applier.activate([WIDEN], force="start")
        case Pending.START | Pending.RESTART:
            # Nothing holds here yet, or not as it should: there is nothing to keep open.
            await applier.activate([SERVICE])


def is_widened(landed: Landed) -> bool:
    """Whether `widen` left more open than the new rules say."""
    return landed.pending[SERVICE] is Pending.RELOAD


async def narrow(applier: Applier) -> None:
    """Let through what the new rules say and nothing else."""
    await applier.activate([SERVICE])
