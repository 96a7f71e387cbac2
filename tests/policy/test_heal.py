"""Healing: the mildest remedy first, nothing that the rest needs, nothing while the observer itself may be ill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from outlast.policy.heal import Healing, Limits, heal
from outlast.policy.memory import Memory, Verb
from outlast.policy.observation import Observation
from outlast.policy.shape import Shape
from tests.policy.sites import SHOP, look

LIMITS = Limits()
Ordered = list[tuple[float, Verb, str]]


def course(site: Callable[[float], Observation], seconds: int, limits: Limits = LIMITS) -> tuple[Ordered, Healing]:
    """What is ordered, and when, while the site looks like this for so long; and the last decision."""
    memory, ordered = Memory(), Ordered()
    healing = Healing((), (), memory)
    for now in range(seconds + 1):
        healing = heal(site(float(now)), SHOP, memory, limits)
        memory = healing.memory
        ordered += [(float(now), remedy.verb, remedy.subject) for remedy in healing.remedies]
    return ordered, healing


def test_a_site_that_is_well_is_left_alone() -> None:
    ordered, healing = course(look, 100)
    assert (ordered, healing.waiting_on, healing.memory) == ([], (), Memory())


def test_a_machine_without_power_is_started_after_a_moment_and_replaced_when_that_does_not_help() -> None:
    ordered, _ = course(lambda now: look(now, off=("c1",)), 200)
    assert ordered == [
        (1.0, Verb.START, "c1"),
        (61.0, Verb.START, "c1"),
        (121.0, Verb.REPLACE, "c1"),
        (181.0, Verb.REPLACE, "c1"),
    ]


def test_a_machine_that_is_gone_is_made_again_and_nothing_else_is_tried() -> None:
    ordered, _ = course(lambda now: look(now, absent=("b1",)), 70)
    assert ordered == [(1.0, Verb.START, "b1"), (61.0, Verb.START, "b1")]


def test_a_silent_machine_that_is_on_is_cycled_then_replaced() -> None:
    ordered, _ = course(lambda now: look(now, silent=("b2",)), 70)
    assert ordered == [(6.0, Verb.CYCLE, "b2"), (66.0, Verb.REPLACE, "b2")]


def test_a_reboot_is_no_illness() -> None:
    assert course(lambda now: look(now, silent=("b2",) if 10 <= now < 15 else ()), 60)[0] == []
    assert course(lambda now: look(now, off=("b2",) if 10 <= now < 11 else ()), 60)[0] == []


def test_a_sick_member_is_restarted_then_its_machine_is_cycled_and_replaced_then_it_is_left_alone() -> None:
    limits = Limits(settle=20.0)
    ordered, healing = course(lambda now: look(now, sick=("web-1",)), 400, limits)
    assert [(verb, subject) for _, verb, subject in ordered] == [
        (Verb.RESTART, "web-1"), (Verb.RESTART, "web-1"), (Verb.CYCLE, "b1"), (Verb.REPLACE, "b1"),
    ]  # fmt: skip
    assert "4 remedies" in healing.memory.quarantined["web-1"].what


def test_what_was_left_alone_is_tried_again_later() -> None:
    limits = Limits(settle=20.0, quarantine=300.0)
    ordered, _ = course(lambda now: look(now, sick=("web-1",)), 700, limits)
    assert [verb for _, verb, _ in ordered].count(Verb.RESTART) == 4


def test_what_is_lost_again_and_again_but_well_for_long_in_between_is_always_healed() -> None:
    ordered, healing = course(lambda now: look(now, absent=("b1",) if now % 140 < 5 else ()), 1400)
    assert len(ordered) == 10
    assert healing.memory.quarantined == {}


def test_who_is_ill_for_want_of_another_is_left_alone_until_that_is_well() -> None:
    edge, web, database = SHOP.clusters
    shape = Shape((edge, replace(web, uses=("database",)), database), SHOP.homes)

    def tried(*sick: str) -> list[str]:
        memory, subjects = Memory(), list[str]()
        for now in range(300):
            healing = heal(look(float(now), sick=sick, shape=shape), shape, memory, Limits())
            memory = healing.memory
            subjects += [remedy.subject for remedy in healing.remedies]
        return subjects

    assert "web-1" in tried("web-1")
    assert "web-1" not in tried("web-1", "galera-1", "galera-2")
    assert "web-1" in tried("web-1", "galera-1")


def test_what_is_left_alone_is_said_with_its_reason() -> None:
    _, healing = course(lambda now: look(now, sick=("web-1",)), 400, Limits(settle=20.0))
    assert any(reason.startswith("web-1: left alone, because it is not healthy") for reason in healing.waiting_on)


def test_what_is_well_only_for_moments_is_left_alone() -> None:
    # A minute well after each remedy, then sick again.
    ordered, healing = course(lambda now: look(now, sick=("web-1",) if now % 90 > 60 else ()), 900, Limits(settle=20.0))
    assert len(ordered) == 4
    assert "web-1" in healing.memory.quarantined


def test_what_was_left_alone_and_is_well_for_long_since_somebody_mended_it_is_healed_again() -> None:
    def lost(now: float) -> tuple[str, ...]:
        return ("b1",) if (now < 500 and now % 60 < 5) or now >= mended else ()

    mended = 630.0
    ordered, healing = course(lambda now: look(now, absent=lost(now)), 640)
    assert [at < 500 for at, _, _ in ordered] == [True] * 4 + [False]
    assert healing.memory.quarantined == {}
    mended = 590.0
    ordered, healing = course(lambda now: look(now, absent=lost(now)), 640)
    assert len(ordered) == 4, "well for a minute and a half only"
    assert "b1" in healing.memory.quarantined


def test_one_thing_is_taken_away_at_a_time_but_all_that_is_off_is_started_at_once() -> None:
    ordered, healing = course(lambda now: look(now, silent=("b1", "a1")), 6)
    assert ordered == [(6.0, Verb.CYCLE, "a1")]
    assert healing.waiting_on == ("b1: nobody hears it; one remedy at a time, and a1 has one",)
    ordered, _ = course(lambda now: look(now, off=SHOP.machines), 3)
    assert ordered == [(1.0, Verb.START, machine) for machine in SHOP.machines]


def test_a_cluster_keeps_its_majority() -> None:
    # c1 hangs but may still serve; c2 is sick: c1 is not taken before c2 is well.
    ordered, healing = course(lambda now: look(now, silent=("c1",), sick=("galera-2",)), 14)
    assert ordered == []
    assert healing.waiting_on[0].startswith("c1: nobody hears it; database cannot do without it: 1 of the others")
    # What certainly serves nobody may be restarted all the same.
    ordered, _ = course(lambda now: look(now, silent=("c1",), sick=("galera-2",)), 15)
    assert ordered == [(15.0, Verb.RESTART, "galera-2")]


def test_whom_nobody_heard_for_a_minute_serves_nobody() -> None:
    # Both apps hang: neither is known to be well, so neither is taken, until it is clear that nothing is lost by it.
    ordered, healing = course(lambda now: look(now, silent=("b1", "b2")), 40)
    assert ordered == []
    assert "web cannot do without it" in healing.waiting_on[0]
    ordered, _ = course(lambda now: look(now, silent=("b1", "b2")), 60)
    assert ordered == [(54.0, Verb.CYCLE, "b1")]


def test_the_last_copy_is_never_thrown_away() -> None:
    ordered, healing = course(
        lambda now: look(now, off=("c1",), sick=("galera-2", "galera-3")), 2000, Limits(settle=30.0)
    )
    assert Verb.REPLACE not in {verb for _, verb, _ in ordered}
    assert any("cannot do without it" in text for text in healing.waiting_on)


@pytest.mark.parametrize("unheard", [("a1", "a2", "b1", "b2"), SHOP.machines])
def test_whoever_hears_half_or_less_does_nothing(unheard: tuple[str, ...]) -> None:
    ordered, healing = course(lambda now: look(now, silent=unheard, off=("c1",)), 100)
    assert ordered == []
    assert "the fault may be its own" in healing.waiting_on[0]


def test_what_others_hear_is_not_silent() -> None:
    assert course(lambda now: look(now, unheard=("b1",)), 100)[0] == []


def test_a_provider_that_says_nothing_is_no_reason_to_do_anything() -> None:
    assert course(lambda now: look(now, silent=("b1",), gagged=True), 100)[0] == []


def test_a_machine_that_speaks_is_not_off_whatever_its_provider_says() -> None:
    def liar(now: float) -> Observation:
        seen, said = look(now), look(now, off=("b1",))
        heard = seen.machines["b1"]
        machines = {
            **seen.machines,
            "b1": type(heard)(said.machines["b1"].presence, heard.heard, heard.heard_elsewhere),
        }
        return Observation(now, machines, seen.members)

    assert course(liar, 100)[0] == []


def test_after_a_remedy_a_member_has_time_to_settle() -> None:
    # c1 was off for ten seconds; its member needs 100 s more until it is well: nobody disturbs it.
    ordered, _ = course(
        lambda now: look(now, off=("c1",) if now < 10 else (), sick=("galera-1",) if 10 <= now < 110 else ()), 200
    )
    assert ordered == [(1.0, Verb.START, "c1")]
