"""A small simulated etcd under random faults: never two clusters, nothing agreed lost while a majority of the data
lives, and in the end everybody answers. Time passes in steps that the test takes by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.components.etcd.probe import MemberState
from outlast.components.etcd.steward import FOUND_ANEW, FOUND_NEW, LEAVE, tend
from outlast.contract.steward import Action, Running, Sighting, Verb
from tests.components.etcd.members import sighting

STEP = 4.0
# What a member was asked for is worth nothing when it is older, whether it has begun with it or not.
REQUEST_LIMIT = 120.0


@dataclass(frozen=True)
class Data:
    """What one member's disk holds: who it is, who the members are, and up to where it knows them to agree."""

    own: str
    cluster: str
    members: frozenset[str]
    committed: int


@dataclass
class Member:
    index: int
    data: Data | None = None
    runs: bool = False
    asked: str = ""
    asked_for: float = 0.0
    founding: str = ""
    cut: bool = False
    stale: bool = False
    alive_for: float = 0.0

    def start(self) -> None:
        self.runs, self.alive_for, self.stale = True, 0.0, False
        self.founding, self.asked = self.asked, ""

    def ask(self, what: str) -> None:
        self.asked, self.asked_for = what, 0.0

    def wait(self) -> None:
        self.alive_for += STEP
        self.asked_for += STEP
        if self.asked_for >= REQUEST_LIMIT:
            self.asked = ""
        if self.alive_for >= REQUEST_LIMIT:
            self.founding = ""

    def die(self) -> None:
        self.runs, self.founding = False, ""


@dataclass
class World:
    members: list[Member]
    names: int = 0
    committed: int = 0
    answered: set[str] = field(default_factory=set[str])

    def group(self, member: Member) -> list[Member]:
        """Who runs and reaches `member`, itself among them."""
        near = [member] if member.cut else [other for other in self.members if not other.cut]
        return [other for other in near if other.runs and other.data] if member.runs else []

    def majority(self, group: list[Member]) -> Data | None:
        """What the group agrees on, when it holds a majority of the members as the newest of them knows them."""
        held = [member.data for member in group if member.data]
        newest = max(held, key=lambda data: data.committed, default=None)
        if newest is None:
            return None
        present = newest.members & {data.own for data in held}
        return newest if len(present) * 2 > len(newest.members) else None

    def seen(self, member: Member) -> Sighting[Any]:
        if member.cut:
            return sighting(member.index, None)
        agreed, data = self.majority(self.group(member)), member.data
        serves = bool(agreed and data and member.runs and data.own in agreed.members)
        state = MemberState(
            majority=serves,
            members=tuple(agreed.members) if agreed and serves else (),
            holds="data" if data else "nothing",
            cluster=data.cluster if data else "",
            member=data.own if data else "",
            committed=data.committed if data else None,
            alive_for=member.alive_for if member.runs else None,
            asked="" if serves else member.asked or member.founding,
        )
        running = Running.ACTIVE if member.runs else Running.STOPPED
        return sighting(member.index, state, running, stale=member.stale)

    def act(self, action: Action) -> None:
        member = next(m for m in self.members if action.member.endswith(f"-{m.index}"))
        assert not member.cut, "it acted on a machine that nobody can reach"
        if action.argv == FOUND_NEW:
            assert not any(m.data and m.founding != "new" for m in self.members), "somebody holds data"
            member.ask("new")
        elif action.argv == FOUND_ANEW:
            assert member.data, "an empty source"
            alive = {m.data.own for m in self.members if m.data} & member.data.members
            assert len(alive) * 2 <= len(member.data.members), "a majority of the data lives"
            member.ask("anew")
        elif action.argv == LEAVE:
            agreed = self.majority(self.group(next(m for m in self.members if not m.cut and m.runs)))
            assert not member.runs
            # As the program on the machine: it looks again.
            if agreed and member.data and member.data.own not in agreed.members:
                member.data = None
        elif action.verb is Verb.STOP:
            member.die()
        elif action.verb is Verb.RESTART or not member.runs:
            member.die()
            member.start()

    def live(self) -> None:
        """What the members do by themselves in one step."""
        for member in self.members:
            member.wait()
        self.found_new()
        for member in self.members:
            agreed = self.majority(self.group(member))
            if member.founding == "anew" and member.data and member.runs and not agreed:
                alone = frozenset({member.data.own})
                self.committed = member.data.committed + 1
                member.data = Data(member.data.own, member.data.cluster, alone, self.committed)
                member.founding = ""
        for member in self.members:
            self.join(member)
        for member in self.members:
            self.share(member)

    def found_new(self) -> None:
        founders = [m for m in self.members if m.runs and not m.cut and m.founding == "new" and not m.data]
        if len(founders) * 2 <= len(self.members) or any(self.majority(self.group(m)) for m in founders):
            return
        assert not any(m.data for m in self.members), "an empty cluster beside data"
        self.names += 1
        ids = frozenset(f"{m.index}/{self.names}" for m in self.members)
        self.committed = 1
        for member in founders:
            member.data = Data(f"{member.index}/{self.names}", f"cluster {self.names}", ids, 1)
            member.founding = ""

    def join(self, member: Member) -> None:
        """Without data: leave what one was, and join under a new id."""
        if member.data or member.cut or not member.runs:
            return
        agreed = next((found for m in self.members if not m.cut and (found := self.majority(self.group(m)))), None)
        if agreed is None:
            return
        self.names += 1
        own = f"{member.index}/{self.names}"
        others = frozenset(name for name in agreed.members if not name.startswith(f"{member.index}/"))
        self.committed = agreed.committed + 1
        member.data = Data(own, agreed.cluster, others | {own}, self.committed)
        member.founding = ""
        self.spread(self.group(member), member.data)

    def share(self, member: Member) -> None:
        agreed = self.majority(self.group(member))
        if agreed:
            assert agreed.committed >= self.committed, "something that was agreed is lost"
            self.spread(self.group(member), agreed)

    def spread(self, group: list[Member], agreed: Data) -> None:
        for other in group:
            if other.data and other.data.own in agreed.members:
                other.data = Data(other.data.own, agreed.cluster, agreed.members, agreed.committed)
                other.founding = ""

    def commit(self) -> None:
        for member in self.members:
            agreed = self.majority(self.group(member))
            if agreed:
                self.committed = agreed.committed + 1
                grown = Data(agreed.own, agreed.cluster, agreed.members, self.committed)
                self.spread(self.group(member), grown)
                return

    def clusters(self) -> int:
        """How many groups answer that do not hear of each other."""
        groups = [self.group(member) for member in self.members]
        return len({frozenset(m.index for m in group) for group in groups if self.majority(group)})

    def tend(self) -> bool:
        decision = tend(tuple(self.seen(member) for member in self.members))
        for action in decision.actions:
            self.act(action)
        return decision.settled


NAMES = ["kill", "cut", "mend", "start", "destroy", "stale", "commit", "live", "tend", "tend", "live"]


@pytest.mark.parametrize("size", [1, 3, 5])
@settings(max_examples=300)
@given(faults=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 4)), max_size=50))
def test_it_recovers_from_anything(size: int, faults: list[tuple[str, int]]) -> None:
    world = World([Member(index) for index in range(1, size + 1)])
    for name, index in faults:
        member = world.members[index % size]
        match name:
            case "kill":
                member.die()
            case "cut" | "mend":
                member.cut = name == "cut"
            case "start":
                # systemd starts it again, with or without a controller.
                if not member.runs:
                    member.start()
            case "destroy":
                world.members[index % size] = Member(member.index)
            case "stale":
                member.stale = True
            case "commit":
                world.commit()
            case "live":
                world.live()
            case _:
                world.tend()
        assert world.clusters() <= 1, "there are two clusters"
    for member in world.members:
        member.cut = False
    for _ in range(100):
        if world.tend():
            break
        world.live()
    world.live()
    seen = [world.seen(member) for member in world.members]
    assert all(s.report and s.report.state and s.report.state.majority for s in seen), "they do not answer again"
    assert world.clusters() == 1
    assert not any(member.stale for member in world.members)
    assert {m.data.committed for m in world.members if m.data} == {world.committed}
