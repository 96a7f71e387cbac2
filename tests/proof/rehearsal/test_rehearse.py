"""Rehearsed years: healing breaks no rule, everything is whole again, and a reckless decider is caught."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.policy.heal import Healing, Limits, Remedy, heal
from outlast.policy.memory import Attempt, Memory, Verb
from outlast.policy.observation import Known, Observation, Presence
from outlast.policy.shape import Cluster, Shape
from outlast.proof.rehearsal.rehearse import Decider, rehearse
from tests.policy.sites import SHOP

SEEDS, HOURS = 100, 100


@pytest.mark.parametrize("ten", range(0, SEEDS, 10))
def test_ten_thousand_hours_break_no_rule(ten: int) -> None:
    for seed in range(ten, ten + 10):
        result = rehearse(SHOP, seed, HOURS)
        assert result.broken == []
        assert result.troubles.total() > 10
        assert result.remedies.total() > 5


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any small site: clusters that vote and clusters that do not, on machines of their own or together."""
    machines = draw(st.integers(min_value=3, max_value=7))
    # Somebody lives on each machine.
    clusters = [Cluster("log", tuple(f"log-{number}" for number in range(machines)), 1, keeps=False)]
    homes = {f"log-{number}": f"m{number}" for number in range(machines)}
    for number in range(draw(st.integers(min_value=1, max_value=4))):
        votes = draw(st.booleans())
        size = draw(st.sampled_from([1, 3, 5] if votes and machines >= 5 else [1, 3] if votes else [1, 2, 3]))
        names = tuple(f"s{number}-{index}" for index in range(size))
        first = draw(st.integers(min_value=0, max_value=machines - 1))
        homes |= {name: f"m{(first + index) % machines}" for index, name in enumerate(names)}
        needed = size // 2 + 1 if votes else min(1, size - 1)
        clusters.append(Cluster(f"s{number}", names, needed, keeps=votes))
    return Shape(tuple(clusters), homes)


@settings(max_examples=40)
@given(shapes(), st.integers(min_value=0, max_value=10**9))
def test_any_small_site_is_healed_by_the_rules(shape: Shape, seed: int) -> None:
    assert rehearse(shape, seed, 20).broken == []


def test_the_same_seed_is_the_same_life() -> None:
    first, second = rehearse(SHOP, 7, 50), rehearse(SHOP, 7, 50)
    assert first == second
    assert rehearse(SHOP, 8, 50) != first


def hasty(seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> Healing:
    """Replaces whatever it does not hear."""
    gone = [name for name in shape.machines if seen.at - seen.machines[name].heard > limits.facts]
    return Healing(tuple(Remedy(Verb.REPLACE, name, "silent") for name in gone), (), _under_way(memory, gone, seen.at))


def idle(_seen: Observation, _shape: Shape, memory: Memory, _limits: Limits) -> Healing:
    """Does nothing."""
    return Healing((), (), memory)


def credulous(seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> Healing:
    """Heals, but takes for off what its provider calls off, although it hears it."""
    off = [
        name for name, machine in seen.machines.items()
        if machine.presence == Known(Presence.OFF, seen.at) and name not in memory.under_way
    ]  # fmt: skip
    if off:
        return Healing((Remedy(Verb.REPLACE, off[0], "off"),), (), _under_way(memory, off[:1], seen.at))
    return heal(seen, shape, memory, limits)


def _under_way(memory: Memory, names: list[str], now: float) -> Memory:
    return Memory(under_way={**memory.under_way, **{name: Attempt(Verb.REPLACE, now, now + 60) for name in names}})


@pytest.mark.parametrize(
    ("decider", "hours", "said"),
    [(hasty, 8, "while it heard too few"), (idle, 8, "not whole for"), (credulous, 60, "which was well")],
)
def test_a_bad_decider_is_caught(decider: Decider, hours: float, said: str) -> None:
    lives = (rehearse(SHOP, seed, hours, decide=decider) for seed in range(20))
    assert any(said in text for life in lives for text in life.broken)
