"""The rules of the steward: each one as an example, and the promises over everything that may be seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.components.etcd.probe import MemberState
from outlast.components.etcd.steward import FOUND_ANEW, FOUND_NEW, LEAVE, tend
from outlast.contract.steward import Action, Decision, Running, Sighting, Verb
from tests.components.etcd.members import (
    CLUSTER,
    EMPTY,
    FOUNDING,
    HOPING,
    OTHER_CLUSTER,
    resting,
    serving,
    sighting,
    waiting,
)

STOPPED = Running.STOPPED


def founders(decision: Decision, what: tuple[str, ...]) -> list[str]:
    return [action.member for action in decision.actions if action.argv == what]


def verbs(decision: Decision) -> list[tuple[Verb, str]]:
    return [(action.verb, action.member) for action in decision.actions]


def test_all_found_a_new_cluster_together() -> None:
    decision = tend((sighting(1, EMPTY, STOPPED), sighting(2, EMPTY, STOPPED), sighting(3, HOPING)))
    assert founders(decision, FOUND_NEW) == ["east-etcd-1", "east-etcd-2", "east-etcd-3"]
    assert [action.verb for action in decision.actions if not action.argv] == [Verb.START, Verb.START, Verb.RESTART]


def test_a_single_member_founds_alone() -> None:
    assert founders(tend((sighting(1, EMPTY, STOPPED),)), FOUND_NEW) == ["east-etcd-1"]


def test_while_they_found_they_are_waited_for() -> None:
    halfway = waiting("b", 3, asked="new", alive_for=1.0)
    decision = tend((sighting(1, FOUNDING), sighting(2, halfway), sighting(3, FOUNDING)))
    assert decision.actions == ()
    assert len(decision.waiting_on) == 3


def test_a_founding_that_was_cut_short_is_completed() -> None:
    decision = tend((sighting(1, waiting("a", 3, asked="new")), sighting(2, EMPTY, STOPPED), sighting(3, HOPING)))
    assert founders(decision, FOUND_NEW) == ["east-etcd-2", "east-etcd-3"]
    decision = tend((sighting(1, MemberState(asked="new"), STOPPED), sighting(2, FOUNDING), sighting(3, FOUNDING)))
    assert verbs(decision) == [(Verb.START, "east-etcd-1")]


@pytest.mark.parametrize("others", [EMPTY, HOPING, FOUNDING])
def test_an_unknown_member_may_hold_everything(others: MemberState) -> None:
    decision = tend((sighting(1, others), sighting(2, others), sighting(3, None)))
    assert decision == Decision(waiting_on=("east-etcd-3: its machine does not answer",))


def test_what_holds_data_is_started_whoever_is_silent() -> None:
    decision = tend((sighting(1, resting("a"), STOPPED), sighting(2, EMPTY, STOPPED), sighting(3, None)))
    assert verbs(decision) == [(Verb.START, "east-etcd-1")]
    assert decision.waiting_on == ("east-etcd-3: its machine does not answer",)


def test_a_majority_with_data_unites_by_itself() -> None:
    decision = tend((sighting(1, waiting("a")), sighting(2, waiting("b")), sighting(3, EMPTY, STOPPED)))
    assert decision.actions == ()
    assert "east-etcd-1, east-etcd-2" in decision.waiting_on[0]


def test_a_minority_founds_anew_from_the_highest_position_and_says_what_is_lost() -> None:
    seen = (
        sighting(1, waiting("a", 7)),
        sighting(2, waiting("b", 9)),
        *(sighting(i, EMPTY, STOPPED) for i in (3, 4, 5)),
    )
    decision = tend(seen)
    assert [(a.verb, a.member, a.argv) for a in decision.actions] == [
        (Verb.RUN, "east-etcd-2", FOUND_ANEW),
        (Verb.RESTART, "east-etcd-2", ()),
    ]
    assert "east-etcd-3, east-etcd-4, east-etcd-5 lost their data" in decision.actions[0].because
    assert "entry 9" in decision.actions[0].because


def test_one_that_was_just_started_gets_time() -> None:
    decision = tend((sighting(1, waiting("a", alive_for=1.0)), sighting(2, EMPTY), sighting(3, EMPTY)))
    assert decision.actions == ()
    assert "gets 10 s" in decision.waiting_on[0]


def test_one_that_founds_anew_is_waited_for() -> None:
    decision = tend((sighting(1, waiting("a", asked="anew")), sighting(2, EMPTY), sighting(3, EMPTY)))
    assert decision == Decision(waiting_on=("east-etcd-1 to found the cluster",))


def test_an_unreadable_log_is_named() -> None:
    ill = waiting("", None, unknown_because="its log could not be read")
    decision = tend((sighting(1, ill), sighting(2, EMPTY), sighting(3, EMPTY)))
    assert decision == Decision(waiting_on=("east-etcd-1: its log could not be read",))


def test_different_clusters_are_for_a_person() -> None:
    other = waiting("b", cluster=OTHER_CLUSTER)
    assert "owner" in tend((sighting(1, waiting("a")), sighting(2, other), sighting(3, EMPTY))).waiting_on[0]
    other = serving("b", cluster=OTHER_CLUSTER)
    assert "owner" in tend((sighting(1, serving("a")), sighting(2, other))).waiting_on[0]


def test_a_majority_is_joined_by_all_at_once() -> None:
    seen = (sighting(1, serving("a")), sighting(2, resting("b"), STOPPED), sighting(3, EMPTY, Running.FAILED))
    assert verbs(tend(seen)) == [(Verb.START, "east-etcd-2"), (Verb.START, "east-etcd-3")]


def test_data_of_a_past_is_set_aside() -> None:
    decision = tend((sighting(1, serving("a")), sighting(2, waiting("old")), sighting(3, serving("c"))))
    assert verbs(decision) == [(verb, "east-etcd-2") for verb in (Verb.STOP, Verb.RUN, Verb.START)]
    assert decision.actions[1].argv == LEAVE
    # Where nobody could list the members, nobody is taken for a stranger.
    unlisted = sighting(1, serving("a", members=()))
    assert tend((unlisted, sighting(2, waiting("old")))).actions == ()


def test_stale_members_are_restarted_one_at_a_time_the_leader_last() -> None:
    seen = [sighting(i, serving("abc"[i - 1], leads=i == 3), stale=True) for i in (1, 2, 3)]
    decision = tend(tuple(seen))
    assert verbs(decision) == [(Verb.RESTART, "east-etcd-2")]
    assert len(decision.waiting_on) == 2
    decision = tend((sighting(1, serving("a")), sighting(2, serving("b")), seen[2]))
    assert verbs(decision) == [(Verb.RESTART, "east-etcd-3")]


def test_nobody_is_restarted_while_another_is_ill_or_unknown() -> None:
    stale = sighting(3, serving("c"), stale=True)
    for other in (sighting(2, waiting("b")), sighting(2, None)):
        decision = tend((sighting(1, serving("a")), other, stale))
        assert decision.actions == ()
        assert decision.waiting_on


def test_new_files_reach_who_serves_nobody() -> None:
    decision = tend((sighting(1, waiting("a"), stale=True), sighting(2, None), sighting(3, None)))
    assert verbs(decision) == [(Verb.RESTART, "east-etcd-1")]


def test_a_well_cluster_is_left_alone() -> None:
    assert tend(tuple(sighting(i, serving("abc"[i - 1])) for i in (1, 2, 3))).settled


STATES = st.one_of(
    st.none(),
    st.builds(
        MemberState,
        majority=st.booleans(),
        members=st.sampled_from([(), ("a",), ("a", "b", "c")]),
        holds=st.sampled_from(["nothing", "data"]),
        cluster=st.sampled_from([CLUSTER, CLUSTER, OTHER_CLUSTER]),
        member=st.sampled_from(["a", "b", "c", "d"]),
        committed=st.one_of(st.none(), st.integers(0, 9)),
        alive_for=st.one_of(st.none(), st.sampled_from([1.0, 1000.0])),
        asked=st.sampled_from(["", "", "new", "anew"]),
    ),
)
SEEN = st.lists(st.tuples(STATES, st.sampled_from(Running), st.booleans()), min_size=1, max_size=5)


@given(SEEN)
def test_what_it_never_does(drawn: list[tuple[Any, Running, bool]]) -> None:
    seen: tuple[Sighting[Any], ...] = tuple(
        sighting(i, state, running, stale=stale) for i, (state, running, stale) in enumerate(drawn, 1)
    )
    decision = tend(seen)
    assert all(action.because for action in decision.actions)
    by_name = {s.member: s for s in seen}
    known = {name for name, s in by_name.items() if s.running is not Running.UNKNOWN and s.report}
    assert {action.member for action in decision.actions} <= known, "it acts on what it cannot see"
    new, anew = founders(decision, FOUND_NEW), founders(decision, FOUND_ANEW)
    assert not (new and anew)
    assert len(anew) <= 1, "two foundings"
    if new or anew:
        assert known == set(by_name), "a silent member may hold everything"
        states = {name: s.report.state for name, s in by_name.items() if s.report and s.report.state}
        assert not any(state.majority for state in states.values()), "a cluster exists"
        holders = [name for name, state in states.items() if state.holds == "data" and state.asked != "new"]
        assert not (new and holders), "a cluster of nothing, although somebody holds data"
        assert not anew or (anew[0] in holders and len(holders) * 2 <= len(states))
    restarted: list[Action] = [a for a in decision.actions if a.verb is Verb.RESTART and "all others" in a.because]
    assert new or len(restarted) <= 1
