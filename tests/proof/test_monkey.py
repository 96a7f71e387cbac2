"""What the monkey never does, whatever it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import Loss, LossKind, suffer
from outlast.contract.probe import Health
from outlast.contract.registry import discover
from outlast.machines import provider
from outlast.proof.faults.offer import offers
from outlast.proof.monkey import USUAL, Memory, Settings, Strike, Waiting, candidates, decide, fragile
from outlast.status import MachineStatus, MemberStatus, Redundancy, ServiceStatus, Status
from tests.golden.tree import example

SITE, SHOP = example("shop")
REGISTRY = discover()
TOPOLOGY = SHOP.topology
DEPENDENCE = Dependence(SITE, REGISTRY, TOPOLOGY)
FRAGILE = fragile(DEPENDENCE, TOPOLOGY)
OFFERS = offers(SHOP, REGISTRY, frozenset(provider.Fault))
MONDAY = datetime(2026, 11, 16, 12, 0)
NAMES = sorted({*TOPOLOGY.machine_by_name, *TOPOLOGY.member_by_name, *(m.service for m in TOPOLOGY.members)})


def well() -> Status:
    """Everything is there."""
    held = TOPOLOGY.members_by_machine
    return Status(
        site="shop",
        generation=1,
        healthy=True,
        urls=(),
        machines=tuple(
            MachineStatus(m.name, m.datacenter, m.address, m.pool, "up", tuple(n.name for n in held[m.name]), "")
            for m in TOPOLOGY.machines
        ),
        members=tuple(
            MemberStatus(m.name, m.component, m.service, m.machine, Health.HEALTHY, "", "") for m in TOPOLOGY.members
        ),
        services=tuple(
            ServiceStatus(service, datacenter, True, members[0].name, Redundancy(len(members), len(members)), "")
            for (datacenter, service), members in TOPOLOGY.clusters.items()
        ),
        floating=(),
    )


def decided(
    status: Status | None = None,
    settings: Settings | None = None,
    memory: Memory | None = None,
    now: float = 1000.0,
    local: datetime = MONDAY,
    seed: int = 0,
) -> Strike | Waiting:
    wanted = settings or Settings(60.0, 10.0)
    return decide(now, local, status or well(), wanted, memory or Memory(), OFFERS, FRAGILE, TOPOLOGY, seed)


def test_a_healthy_site_is_struck_and_the_same_seed_strikes_the_same() -> None:
    struck = decided()
    assert isinstance(struck, Strike)
    assert struck.fault.seconds == 10.0
    assert decided() == struck
    kinds = {found.fault.kind for n in range(50) if isinstance(found := decided(seed=n), Strike)}
    assert kinds == set(USUAL)


@given(seed=st.integers(), count=st.integers(0, 1000), spared=st.sets(st.sampled_from(NAMES)))
def test_nothing_that_is_spared_and_nothing_that_would_stop_a_service(seed: int, count: int, spared: set[str]) -> None:
    found = decided(settings=Settings(60.0, 10.0, spared=frozenset(spared)), memory=Memory(count), seed=seed)
    if isinstance(found, Waiting):
        return
    [target] = found.fault.targets
    member = TOPOLOGY.member_by_name.get(target)
    machine = member.machine if member else target
    outcome = suffer(DEPENDENCE, Loss(LossKind.MACHINE, machine, (machine,)))
    assert outcome.stopped == {}
    hit = [member] if member else TOPOLOGY.members_by_machine[machine]
    assert not spared & {target, machine, *(m.name for m in hit), *(m.service for m in hit)}


def test_a_single_point_of_failure_is_left_alone() -> None:
    everything = dict.fromkeys(TOPOLOGY.machine_by_name, "web")
    kinds = tuple(offer.kind for offer in OFFERS)
    assert candidates(well(), Settings(60.0, 10.0, kinds=kinds), OFFERS, everything, TOPOLOGY) == []
    site, tiny = example("tiny")
    alone = fragile(Dependence(site, REGISTRY, tiny.topology), tiny.topology)
    assert set(alone) <= set(tiny.topology.machine_by_name)


def test_what_is_meant_for_others_spares_the_primary() -> None:
    only = Settings(60.0, 10.0, kinds=("galera-full-copy",))
    found = candidates(well(), only, OFFERS, FRAGILE, TOPOLOGY)
    assert [target for _, target in found] == ["east-galera-2", "east-galera-3"]


@given(at=st.integers(0, 10_000), which=st.sampled_from(["machine", "member", "service"]), data=st.data())
def test_never_while_anything_is_degraded_or_unknown(at: int, which: str, data: st.DataObject) -> None:
    status = well()
    if which == "machine":
        index = at % len(status.machines)
        state = data.draw(st.sampled_from(["down", "unknown"]))
        ill = replace(status.machines[index], state=state)
        status = replace(status, machines=(*status.machines[:index], ill, *status.machines[index + 1 :]))
    elif which == "member":
        index = at % len(status.members)
        health = data.draw(st.sampled_from([Health.UNHEALTHY, Health.UNKNOWN]))
        unwell = replace(status.members[index], health=health)
        status = replace(status, members=(*status.members[:index], unwell, *status.members[index + 1 :]))
    else:
        index = at % len(status.services)
        poor = replace(status.services[index], redundancy=Redundancy(3, 2))
        status = replace(status, services=(*status.services[:index], poor, *status.services[index + 1 :]))
    # Whatever the whole is said to be.
    for healthy in (True, False):
        assert isinstance(decided(replace(status, healthy=healthy), seed=at), Waiting)


@given(ago=st.floats(0.0, 59.9), seed=st.integers())
def test_never_two_at_once_and_never_too_soon(ago: float, seed: int) -> None:
    assert isinstance(decided(memory=Memory(1, None, holds=True), seed=seed), Waiting)
    assert isinstance(decided(memory=Memory(1, 1000.0 - ago), seed=seed), Waiting)
    assert isinstance(decided(memory=Memory(1, 1000.0 - 60.0), seed=seed), Strike)


@given(hours=st.integers(0, 24 * 14), first=st.integers(0, 23), length=st.integers(1, 24))
def test_only_in_office_hours(hours: int, first: int, length: int) -> None:
    local = MONDAY + timedelta(hours=hours)
    settings = Settings(60.0, 10.0, hours=(first, min(24, first + length)), days=frozenset(range(5)))
    struck = isinstance(decided(settings=settings, local=local), Strike)
    assert struck == (local.weekday() < 5 and first <= local.hour < first + length)


def test_waiting_says_why() -> None:
    night = decided(settings=Settings(60.0, 10.0, hours=(9, 17)), local=MONDAY.replace(hour=3))
    assert isinstance(night, Waiting)
    assert "not the time" in night.because
    nothing = decided(settings=Settings(60.0, 10.0, spared=frozenset(NAMES)))
    assert isinstance(nothing, Waiting)
    assert "outlast check" in nothing.because
