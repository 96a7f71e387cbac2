"""A small simulated database under random faults: never two clusters, no committed change lost, and in the end
everybody serves. Time passes in steps that the test takes by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.components.galera.probe import MemberState, Position
from outlast.components.galera.steward import REQUEST_BOOTSTRAP, tend
from outlast.contract.steward import Action, Running, Sighting, Verb
from tests.components.galera.members import sighting

STEP = 4.0


@dataclass
class Member:
    index: int
    holds: str = "nothing"
    history: str = ""
    seqno: int = -1
    runs: bool = False
    primary: bool = False
    asked: bool = False
    founding: bool = False
    visible: bool = True
    stale: bool = False
    alone: float = 0.0

    def start(self) -> None:
        self.runs, self.primary, self.alone, self.stale = True, False, 0.0, False
        self.founding, self.asked = self.asked, False

    def die(self) -> None:
        self.runs = self.primary = self.founding = False

    def seen(self) -> Sighting[Any]:
        if not self.visible:
            return sighting(self.index, None)
        state = MemberState(
            answers=self.primary,
            primary=self.primary,
            synced=self.primary,
            bootstrapping=self.asked or self.founding,
            holds=self.holds,
            position=Position(self.history, self.seqno) if self.holds == "data" else None,
            alone=self.alone if self.runs else None,
            accounts="a",
            accounts_outdated=False,
        )
        return sighting(self.index, state, Running.ACTIVE if self.runs else Running.STOPPED, stale=self.stale)


@dataclass
class World:
    members: list[Member] = field(default_factory=lambda: [Member(index) for index in (1, 2, 3)])
    histories: int = 0
    committed: int = -1

    def serving(self) -> list[Member]:
        return [member for member in self.members if member.primary]

    def act(self, action: Action) -> None:
        member = next(m for m in self.members if action.member.endswith(f"-{m.index}"))
        assert member.visible, "it acted on a machine that nobody can reach"
        if action.argv == REQUEST_BOOTSTRAP:
            assert not self.serving(), "a cluster exists"
            assert not any(m.asked or m.founding for m in self.members), "somebody founds already"
            member.asked = True
        elif action.verb in (Verb.START, Verb.RESTART):
            member.die()
            member.start()

    def live(self) -> None:
        """What the members do by themselves in one step: found what they were asked to, or join what is there."""
        for member in self.members:
            if member.founding:
                self.found(member)
        serving = self.serving()
        for member in self.members:
            member.alone += STEP
            if serving and member.runs and not member.primary:
                member.primary, member.holds = True, "data"
                member.history, member.seqno = serving[0].history, serving[0].seqno

    def found(self, member: Member) -> None:
        member.founding = False
        if self.serving():
            return
        if member.holds == "nothing":
            self.histories += 1
            member.holds, member.history, member.seqno = "data", f"history {self.histories}", 0
        assert member.seqno >= self.committed, "a committed change is lost"
        self.committed = max(self.committed, member.seqno)
        member.primary = True

    def commit(self) -> None:
        serving = self.serving()
        # A majority of the last component must be there; a single survivor of three serves nobody.
        if len(serving) >= 2:
            self.committed += 1
            for member in serving:
                member.seqno = self.committed

    def kill(self, index: int) -> None:
        self.members[index].die()
        serving = self.serving()
        if len(serving) < 2:
            for member in serving:
                member.primary, member.alone = False, 0.0

    def tend(self) -> bool:
        decision = tend(tuple(member.seen() for member in self.members))
        for action in decision.actions:
            self.act(action)
        return decision.settled


FAULTS = st.tuples(
    st.sampled_from(["kill", "hide", "show", "start", "stale", "commit", "live", "tend"]), st.integers(0, 2)
)


@settings(max_examples=300)
@given(st.lists(FAULTS, max_size=40))
def test_it_recovers_from_anything(faults: list[tuple[str, int]]) -> None:
    world = World()
    for name, index in faults:
        member = world.members[index]
        match name:
            case "kill":
                world.kill(index)
            case "hide" | "show":
                member.visible = name == "show"
            case "start":
                # systemd starts it again, with or without a controller.
                if not member.runs and member.holds == "data":
                    member.start()
            case "stale":
                member.stale = True
            case "commit":
                world.commit()
            case "live":
                world.live()
            case _:
                world.tend()
        assert len({member.history for member in world.serving()}) <= 1, "there are two clusters"
    for member in world.members:
        member.visible = True
    for _ in range(30):
        if world.tend():
            break
        world.live()
    assert len(world.serving()) == 3, "they do not serve again"
    assert not any(member.stale for member in world.members)
    assert {member.seqno for member in world.members} == {world.committed}
