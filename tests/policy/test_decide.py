"""One decision: what is lost and what is asked for, together."""

from __future__ import annotations

from outlast.contract.scaling import Scaling
from outlast.policy.decide import Decision, decide
from outlast.policy.memory import Memory, Verb
from outlast.policy.observation import Known, LoadSeen, MachineSeen, Observation, Presence, Unknown
from outlast.policy.shape import Cluster, Shape

SHAPE = Shape((Cluster("east/web", ("web-1", "web-2"), 1, keeps=False),), {"web-1": "a1", "web-2": "a2"})
SCALINGS = {"east/web": Scaling(least=2, most=6, capacity=10, target=0.5)}


def seen(now: float, busy: float | None = None, *, off: tuple[str, ...] = ()) -> Observation:
    load = Unknown("its gauge does not answer") if busy is None else Known(busy, now)
    return Observation(
        now,
        {
            name: MachineSeen(Known(Presence.OFF, now), now - 60)
            if name in off
            else MachineSeen(Known(Presence.ON, now), now)
            for name in SHAPE.machines
        },
        {},
        {"east/web": LoadSeen(load)},
    )


def course(*looks: Observation) -> list[Decision]:
    memory, decisions = Memory(), list[Decision]()
    for look in looks:
        decisions.append(decide(look, SHAPE, SCALINGS, memory))
        memory = decisions[-1].memory
    return decisions


def test_a_site_that_is_well_and_calm_is_left_alone() -> None:
    assert not any(course(*(seen(float(now), 3.0) for now in range(100))))


def test_what_is_lost_and_what_is_asked_for_come_in_one_decision() -> None:
    _, last = course(*(seen(float(now), 18.0, off=("a1", "a2")) for now in range(2)))
    assert [(each.service, each.members) for each in last.resizes] == [("east/web", 4)]
    # Half of the machines are gone, and their provider says so: that is no fault of the observer's.
    assert [(each.verb, each.subject) for each in last.remedies] == [(Verb.START, "a1"), (Verb.START, "a2")]
    assert "18 requests at once" in last.resizes[0].because


def test_an_unknown_load_is_waited_for_and_changes_nothing() -> None:
    (decision,) = course(seen(0.0))
    assert not decision
    assert decision.waiting_on == ("east/web: its load is unknown (its gauge does not answer)",)


def test_what_nobody_measures_does_not_scale() -> None:
    (decision,) = [decide(seen(0.0, 99.0), SHAPE, {}, Memory())]
    assert (decision.resizes, decision.waiting_on) == ((), ())
