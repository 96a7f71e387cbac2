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


def test_what_piles_up_while_a_machine_is_brought_back_is_no_load() -> None:
    lost = [seen(float(now), 18.0, off=("a1", "a2")) for now in range(2)]
    *_, last = course(*lost)
    # Half of the machines are gone, and their provider says so: that is no fault of the observer's.
    assert [(each.verb, each.subject) for each in last.remedies] == [(Verb.START, "a1"), (Verb.START, "a2")]
    # It took six seconds, in which nobody looked; what has piled up since is gone by and by.
    back = [seen(8.0 + now, max(18.0 - 3 * now, 3.0)) for now in range(20)]
    assert not any(decision.resizes for decision in course(*lost, *back))


def test_a_load_that_stays_when_a_machine_is_back_is_one() -> None:
    lost = [seen(float(now), 18.0, off=("a1", "a2")) for now in range(2)]
    back = [seen(8.0 + now, 18.0) for now in range(12)]
    decisions = course(*lost, *back)
    ((at, grown),) = [(now, d.resizes) for now, d in enumerate(decisions, 8 - len(lost)) if d.resizes]
    assert (at, grown[0].service, grown[0].members) == (18, "east/web", 4)
    assert "18 requests at once" in grown[0].because


def test_after_a_change_the_new_ones_show_what_they_carry_before_more_are_asked_for() -> None:
    calm = [seen(float(now), 3.0) for now in range(12)]
    *_, first = course(*calm, *(seen(12.0 + now, 18.0) for now in range(2)))
    assert [each.members for each in first.resizes] == [4]
    # Nobody looked while it was carried out. One look that asks for more is not two.
    after = [seen(20.0 + now, 25.0 if now < 9 else 3.0) for now in range(20)]
    decisions = course(*calm, *(seen(12.0 + now, 18.0) for now in range(2)), *after)
    assert sum(bool(decision.resizes) for decision in decisions) == 1


def test_an_unknown_load_is_waited_for_and_changes_nothing() -> None:
    (decision,) = course(seen(0.0))
    assert not decision
    assert decision.waiting_on == ("east/web: its load is unknown (its gauge does not answer)",)


def test_what_nobody_measures_does_not_scale() -> None:
    (decision,) = [decide(seen(0.0, 99.0), SHAPE, {}, Memory())]
    assert (decision.resizes, decision.waiting_on) == ((), ())
