"""What a loss leaves: which services go on and which do not, each with one plain sentence why. Pure.

A service goes on while enough of its members do: a majority where it votes, otherwise one. A member goes on while its
machine is there and everything that it needs is served within its reach.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from outlast.blueprint.audit.dependence import Cluster, Dependence, Need
from outlast.topology.topology import Member, Topology


class LossKind(StrEnum):
    """What is lost at once."""

    MACHINE = "machine"
    POOL = "pool"
    DATACENTER = "datacenter"


@dataclass(frozen=True, slots=True)
class Loss:
    """Machines that are lost together. `lost` names them: a machine, `east/data` for a pool, or a data centre."""

    kind: LossKind
    lost: str
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one service in one data centre goes on, and why."""

    service: str
    datacenter: str
    survives: bool
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one loss does, by cluster: how many members are lost, how many starve and for want of what, which clusters
    stop, in the order of their fall, and which go on without something that they can do without."""

    loss: Loss
    lost: dict[tuple[str, str], int]
    starved: dict[tuple[str, str], tuple[int, Need]]
    without: dict[tuple[str, str], Need]
    stopped: dict[tuple[str, str], Cluster]

    @property
    def by_themselves(self) -> list[Cluster]:
        """The clusters that stop because of their own lost members: the roots of everything else that stops."""
        return [
            cluster
            for key, cluster in self.stopped.items()
            if len(cluster.members) - self.lost.get(key, 0) < cluster.needed
        ]


def losses(topology: Topology) -> Iterator[Loss]:
    """Each machine, each pool and each data centre, in this order."""
    pools: dict[tuple[str, str], list[str]] = {}
    datacenters: dict[str, list[str]] = {}
    for machine in topology.machines:
        yield Loss(LossKind.MACHINE, machine.name, (machine.name,))
        pools.setdefault((machine.datacenter, machine.pool), []).append(machine.name)
        datacenters.setdefault(machine.datacenter, []).append(machine.name)
    for (datacenter, pool), machines in pools.items():
        yield Loss(LossKind.POOL, f"{datacenter}/{pool}", tuple(machines))
    for datacenter, machines in datacenters.items():
        yield Loss(LossKind.DATACENTER, datacenter, tuple(machines))


def suffer(dependence: Dependence, loss: Loss) -> Outcome:
    """The outcome of a loss. Takes time in proportion to what falls, not to the size of the site."""
    fall = _Fall(dependence)
    fall.lose(member for machine in loss.machines for member in dependence.on_machine[machine])
    return Outcome(loss, fall.lost, fall.starved, fall.without, fall.stopped)


def verdicts(dependence: Dependence, outcome: Outcome) -> tuple[Verdict, ...]:
    """The verdict of every service in every data centre."""
    return tuple(
        Verdict(service, datacenter, (datacenter, service) not in outcome.stopped, _why(dependence, outcome, cluster))
        for (datacenter, service), cluster in dependence.clusters.items()
    )


class _Fall:
    """Follows a loss from members to those that need them, until nothing more falls."""

    def __init__(self, dependence: Dependence) -> None:
        self._dependence = dependence
        self._gone: set[str] = set()
        self._queue: deque[Member] = deque()
        self._left: dict[Need, int] = {}
        self.lost: dict[tuple[str, str], int] = {}
        self.starved: dict[tuple[str, str], tuple[int, Need]] = {}
        self.without: dict[tuple[str, str], Need] = {}
        self.stopped: dict[tuple[str, str], Cluster] = {}

    def lose(self, members: Iterable[Member]) -> None:
        """Members whose machines are lost, and everything that follows."""
        for member in members:
            key = (member.datacenter, member.service)
            self.lost[key] = self.lost.get(key, 0) + 1
            self._drop(member)
        while self._queue:
            member = self._queue.popleft()
            self._judge(member)
            for need in self._dependence.supports.get(member.name, ()):
                left = self._left.get(need, len(self._dependence.providers[need])) - 1
                self._left[need] = left
                if left == 0:
                    self._starve(need)
                    self.without.update(dict.fromkeys(self._dependence.users.get(need, ()), need))

    def _starve(self, need: Need) -> None:
        for member in self._dependence.dependents.get(need, ()):
            if member.name not in self._gone:
                key = (member.datacenter, member.service)
                self.starved[key] = (self.starved.get(key, (0, need))[0] + 1, need)
                self._drop(member)

    def _judge(self, member: Member) -> None:
        key = (member.datacenter, member.service)
        cluster = self._dependence.clusters[key]
        idle = self.lost.get(key, 0) + (self.starved[key][0] if key in self.starved else 0)
        if key not in self.stopped and len(cluster.members) - idle < cluster.needed:
            self.stopped[key] = cluster
            # Those that are left serve nobody any more.
            for other in cluster.members:
                if other.name not in self._gone:
                    self._drop(other)

    def _drop(self, member: Member) -> None:
        self._gone.add(member.name)
        self._queue.append(member)


def _why(dependence: Dependence, outcome: Outcome, cluster: Cluster) -> str:
    key = (cluster.datacenter, cluster.service)
    total, lost = len(cluster.members), outcome.lost.get(key, 0)
    starved, need = outcome.starved.get(key, (0, None))
    left = total - lost
    demand = f", and it needs {cluster.needed}" if cluster.quorum else ""
    if left < cluster.needed:
        if total == 1:
            return f"its only member is on {cluster.members[0].machine}"
        return f"{left} of {total} members are left{demand}" if left else f"all {total} members are lost"
    if starved and need:
        stands = "" if key in outcome.stopped else f"{left - starved} of {total} members go on; for the others "
        return f"{stands}{_starving(dependence, need)}"
    stands = f"{left} of {total} members are left{demand}" if lost else "nothing of it is lost"
    if key in outcome.without:
        return f"{stands}, but {_providers(dependence, outcome.without[key])}, which it uses, stops"
    return stands


def _starving(dependence: Dependence, need: Need) -> str:
    services = _providers(dependence, need)
    return f"users reach it through {services}, which stops" if need.door else f"it needs {services}, which stops"


def _providers(dependence: Dependence, need: Need) -> str:
    return " and ".join(sorted({provider.service for provider in dependence.providers[need]}))
