"""Members of a database as a steward sees them, for tests."""

from __future__ import annotations

from typing import Any

from outlast.components.galera.probe import MemberState, Position
from outlast.contract.probe import Health, Report
from outlast.contract.steward import Running, Sighting

HISTORY = "8f5e3a0c-5a3b-11f0-9c1e-2b1f6a7d9e01"
OTHER_HISTORY = "11111111-5a3b-11f0-9c1e-2b1f6a7d9e01"
LONG = 1000.0


def sighting(
    index: int, state: MemberState | None, running: Running = Running.ACTIVE, *, stale: bool = False
) -> Sighting[Any]:
    """A member; `state` None: nobody knows anything of it."""
    if state is None:
        return Sighting(f"east-galera-{index}", index, Running.UNKNOWN, stale, None, "its machine does not answer")
    health = Health.HEALTHY if state.synced or state.arbiter else Health.UNHEALTHY
    return Sighting(f"east-galera-{index}", index, running, stale, Report(health, "as the test says", state=state))


def serving(seqno: int = 10, **fields: Any) -> MemberState:
    """In the primary component and synced."""
    told: dict[str, Any] = {"alone": 0.0, "accounts": "a", "accounts_outdated": False, **fields}
    return MemberState(answers=True, primary=True, synced=True, holds="data", position=Position(HISTORY, seqno), **told)


def waiting(seqno: int = 10, alone: float | None = LONG, history: str = HISTORY) -> MemberState:
    """Alive, with data, and without a primary component."""
    return MemberState(holds="data", position=Position(history, seqno), alone=alone)


def resting(seqno: int = 10) -> MemberState:
    """Stopped, with data."""
    return MemberState(holds="data", position=Position(HISTORY, seqno))


EMPTY = MemberState(holds="nothing")
INCOMPLETE = MemberState(holds="incomplete")
LOST = MemberState(holds="data", unknown_because="it runs and does not answer")
FOUNDING = MemberState(holds="nothing", bootstrapping=True)
ARBITER = MemberState(arbiter=True)
