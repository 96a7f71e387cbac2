"""Those who pass requests on to a service: told together whom to give how many, and asked what they counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from outlast.contract.passage import Counted, Passage, Seat
from outlast.contract.probe import Output
from outlast.contract.registry import Registry
from outlast.controller.connections import Connections
from outlast.kernel.errors import OutlastError
from outlast.machines.machine import Machine
from outlast.policy.relief import Tally, tallied
from outlast.topology.topology import Member, Topology

LIMIT, POLL = 5.0, 0.25

Reading = Mapping[str, Mapping[Seat, Counted]]
"""What each of them says of each seat that it knows."""


@dataclass(frozen=True, slots=True)
class Passer:
    """One member that passes requests on, and an open connection to its machine."""

    member: str
    machine: Machine
    passage: Passage


class Passing:
    """All who answer. Whoever falls silent is left out: its requests find their way by its own checks and retries."""

    def __init__(self, passers: Sequence[Passer]) -> None:
        self._passers = {passer.member: passer for passer in passers}

    async def admit(self, seats: Sequence[Seat]) -> None:
        """Send requests to new seats at once. Who does not understand will find them with its next configuration."""
        await asyncio.gather(*(_told(passer, seats) for passer in self._passers.values()))

    async def steer(self, weights: Mapping[Seat, float]) -> Reading:
        """Give seats their weights; with none, only read."""
        answers = await asyncio.gather(*(_steer(passer, weights) for passer in self._passers.values()))
        reading = {member: read for member, read in zip(self._passers, answers, strict=True) if read is not None}
        self._passers = {member: self._passers[member] for member in reading}
        return reading

    def tally(self, before: Reading, now: Reading, seats: Sequence[Seat]) -> Tally:
        """What came to some seats between two readings."""
        windows = {member: passer.passage.window for member, passer in self._passers.items()}
        parts = (tallied(before.get(member, {}), now[member], windows[member], seats) for member in now)
        return sum(parts, Tally())


async def passing_in(datacenter: str, topology: Topology, registry: Registry, connections: Connections) -> Passing:
    """Those who pass requests on in a data centre, as far as they answer."""
    members = passers_in(datacenter, topology, registry)
    appliers = await asyncio.gather(*(connections.if_answers(member.machine) for member in members))
    passages = [registry[member.component].passage for member in members]
    return Passing(
        [
            Passer(member.name, applier.machine, passage)
            for member, applier, passage in zip(members, appliers, passages, strict=True)
            if passage and applier
        ]
    )


def passers_in(datacenter: str, topology: Topology, registry: Registry) -> list[Member]:
    """The members that pass requests on in a data centre."""
    return [m for m in topology.members if m.datacenter == datacenter and registry[m.component].passage]


async def _told(passer: Passer, seats: Sequence[Seat]) -> None:
    with suppress(OutlastError):
        await passer.machine.run(passer.passage.admit(seats), limit=LIMIT)


async def _steer(passer: Passer, weights: Mapping[Seat, float]) -> Mapping[Seat, Counted] | None:
    try:
        done = await passer.machine.run(passer.passage.steer(weights), limit=LIMIT)
        return passer.passage.parse(
            Output(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        )
    except (OutlastError, ValueError, KeyError):
        return None


async def drained(passing: Passing, seats: Sequence[Seat], limit: float) -> None:
    """They get no new requests, and those under way are answered, or had `limit` seconds."""
    end = time.monotonic() + limit
    if not seats:
        return
    reading = await passing.steer(dict.fromkeys(seats, 0.0))
    while not idle(reading, seats) and time.monotonic() < end:
        await asyncio.sleep(POLL)
        reading = await passing.steer({})


def up_everywhere(reading: Reading, seats: Sequence[Seat]) -> bool:
    """Whether all who know these seats see them up. Who does not know one will find it with its next configuration."""
    return all(counted[seat].up for counted in reading.values() for seat in seats if seat in counted)


def idle(reading: Reading, seats: Sequence[Seat]) -> bool:
    """Whether no request is under way to any of them."""
    return not any(counted[seat].busy for counted in reading.values() for seat in seats if seat in counted)
