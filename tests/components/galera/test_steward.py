"""The rules of the steward: each one as an example, and the promises over everything that may be seen."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outlast.components.galera.probe import MemberState
from outlast.components.galera.steward import ACCOUNTS, PATIENCE, REQUEST_BOOTSTRAP, tend
from outlast.contract.probe import Health, Report
from outlast.contract.steward import Action, Decision, Running, Sighting, Verb
from tests.components.galera.members import (
    ARBITER,
    EMPTY,
    FOUNDING,
    INCOMPLETE,
    LOST,
    OTHER_HISTORY,
    resting,
    serving,
    sighting,
    waiting,
)

STOPPED = Running.STOPPED


def founders(decision: Decision) -> list[str]:
    return [action.member for action in decision.actions if action.argv == REQUEST_BOOTSTRAP]


def verbs(decision: Decision) -> list[tuple[Verb, str]]:
    return [(action.verb, action.member) for action in decision.actions]


def test_a_new_site_is_founded_by_its_first_member() -> None:
    decision = tend(tuple(sighting(i, EMPTY, STOPPED) for i in (3, 1, 2)))
    assert founders(decision) == ["east-galera-1"]
    assert verbs(decision) == [(Verb.RUN, "east-galera-1"), (Verb.START, "east-galera-1")]


def test_while_one_founds_nobody_else_does_and_the_others_wait_until_it_serves() -> None:
    for running in (Running.ACTIVE, Running.STARTING, STOPPED):
        seen = (sighting(1, FOUNDING, running), sighting(2, EMPTY, STOPPED), sighting(3, EMPTY, STOPPED))
        decision = tend(seen)
        assert founders(decision) == []
        assert set(verbs(decision)) == ({(Verb.START, "east-galera-1")} if running is STOPPED else set())
        assert decision.waiting_on == ("east-galera-1 to found the cluster",)


def test_the_highest_position_founds_again() -> None:
    seen = (sighting(1, waiting(10)), sighting(2, resting(12), STOPPED), sighting(3, EMPTY, STOPPED))
    decision = tend(seen)
    assert verbs(decision) == [(Verb.RUN, "east-galera-2"), (Verb.START, "east-galera-2")]
    assert "up to 12" in decision.actions[0].because


def test_of_equals_the_first_founds_and_is_restarted_for_it() -> None:
    decision = tend(tuple(sighting(i, waiting(10)) for i in (1, 2, 3)))
    assert verbs(decision) == [(Verb.RUN, "east-galera-1"), (Verb.RESTART, "east-galera-1")]


def test_members_that_live_get_time_to_unite() -> None:
    decision = tend((sighting(1, waiting(10)), sighting(2, waiting(10, alone=PATIENCE - 1)), sighting(3, waiting(10))))
    assert decision.actions == ()
    assert "east-galera-2" in decision.waiting_on[0]


def test_an_unknown_member_is_waited_for() -> None:
    decision = tend((sighting(1, waiting(10)), sighting(2, None), sighting(3, waiting(10))))
    assert decision == Decision(waiting_on=("east-galera-2: its machine does not answer",))


def test_an_unknown_position_is_waited_for() -> None:
    decision = tend((sighting(1, waiting(10)), sighting(2, LOST), sighting(3, waiting(10))))
    assert decision == Decision(waiting_on=("east-galera-2: it runs and does not answer",))


def test_a_stopped_member_with_an_unknown_position_is_started_to_find_it_out() -> None:
    decision = tend((sighting(1, waiting(10)), sighting(2, LOST, STOPPED)))
    assert verbs(decision) == [(Verb.START, "east-galera-2")]
    assert decision.waiting_on


def test_different_histories_are_for_a_person() -> None:
    decision = tend((sighting(1, waiting(10)), sighting(2, waiting(11, history=OTHER_HISTORY))))
    assert decision.actions == ()
    assert "owner" in decision.waiting_on[0]


def test_incomplete_copies_alone_are_for_a_person() -> None:
    decision = tend((sighting(1, INCOMPLETE), sighting(2, EMPTY, STOPPED)))
    assert decision.actions == ()
    assert "restore a backup" in decision.waiting_on[0]


def test_a_cluster_that_exists_is_joined_by_all_that_hold_data_at_once() -> None:
    seen = (sighting(1, serving()), sighting(2, resting(99), STOPPED), sighting(3, resting(98), Running.FAILED))
    assert verbs(tend(seen)) == [(Verb.START, "east-galera-2"), (Verb.START, "east-galera-3")]


def test_one_full_copy_is_made_at_a_time_and_not_beside_a_member_that_joins() -> None:
    empty = (sighting(2, EMPTY, STOPPED), sighting(3, EMPTY, STOPPED))
    decision = tend((sighting(1, serving()), *empty))
    assert verbs(decision) == [(Verb.START, "east-galera-2")]
    assert decision.waiting_on == ("east-galera-3 to get its copy after them",)
    for other in (sighting(2, EMPTY), sighting(2, waiting(99, 1.0))):
        assert verbs(tend((sighting(1, serving()), other, empty[1]))) == []
    assert verbs(tend((sighting(1, serving()), sighting(2, resting(99), STOPPED), empty[1]))) == [
        (Verb.START, "east-galera-2")
    ]
    for other in (sighting(2, serving()), sighting(2, waiting(99, 99.0))):
        assert verbs(tend((sighting(1, serving()), other, empty[1]))) == [(Verb.START, "east-galera-3")]


def test_the_arbiter_joins_and_never_founds() -> None:
    assert verbs(tend((sighting(1, serving()), sighting(3, ARBITER, STOPPED)))) == [(Verb.START, "east-galera-3")]
    assert founders(tend((sighting(1, EMPTY, STOPPED), sighting(3, ARBITER)))) == ["east-galera-1"]
    assert tend((sighting(3, ARBITER),)).actions == ()


def test_stale_members_are_restarted_one_at_a_time_the_first_last() -> None:
    stale = tuple(sighting(i, serving(), stale=True) for i in (1, 2, 3))
    decision = tend(stale)
    assert verbs(decision) == [(Verb.RESTART, "east-galera-3")]
    assert len(decision.waiting_on) == 2
    decision = tend((*stale[:1], sighting(2, serving()), sighting(3, serving())))
    assert verbs(decision) == [(Verb.RESTART, "east-galera-1")]


def test_nobody_is_restarted_while_another_is_ill_or_unknown() -> None:
    stale = sighting(3, serving(), stale=True)
    for other in (sighting(2, waiting()), sighting(2, None)):
        decision = tend((sighting(1, serving()), other, stale))
        assert decision.actions == ()
        assert decision.waiting_on


def test_an_ill_member_with_old_files_is_restarted_first() -> None:
    ill = sighting(2, waiting(), stale=True)
    decision = tend((sighting(1, serving(), stale=True), ill, sighting(3, serving(), stale=True)))
    assert verbs(decision) == [(Verb.RESTART, "east-galera-2")]


def test_new_accounts_are_made_once_through_one_member() -> None:
    outdated = serving(accounts="b", accounts_outdated=True)
    decision = tend(tuple(sighting(i, outdated) for i in (1, 2, 3)))
    assert decision.actions == (
        Action(
            Verb.RUN, "east-galera-1", "accounts or passwords of the site differ from those in the database", ACCOUNTS
        ),
    )


def test_accounts_wait_until_all_machines_want_the_same() -> None:
    decision = tend((sighting(1, serving()), sighting(2, serving(accounts="b", accounts_outdated=True))))
    assert decision.actions == ()
    assert "accounts" in decision.waiting_on[0]


def test_two_clusters_are_for_a_person() -> None:
    other = serving()
    other = MemberState(
        answers=True, primary=True, synced=True, holds="data", position=waiting(1, 0, OTHER_HISTORY).position
    )
    decision = tend((sighting(1, serving()), sighting(2, other)))
    assert decision.actions == ()
    assert "different clusters" in decision.waiting_on[0]


# -- over everything that may be seen ---------------------------------------------------------------------------

STATES = st.one_of(
    st.none(),
    st.sampled_from([EMPTY, INCOMPLETE, LOST, FOUNDING]),
    st.builds(serving, st.integers(0, 5), accounts_outdated=st.sampled_from([True, False, None])),
    st.builds(waiting, st.integers(0, 5), st.sampled_from([None, 0.0, 60.0])),
    st.builds(resting, st.integers(0, 5)),
)
RUNNING = st.sampled_from([Running.ACTIVE, Running.STARTING, Running.STOPPED, Running.FAILED])


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Sighting[Any], ...]:
    count = draw(st.integers(1, 5))
    members = [sighting(i, draw(STATES), draw(RUNNING), stale=draw(st.booleans())) for i in range(1, count + 1)]
    if draw(st.booleans()):
        members.append(sighting(count + 1, ARBITER, draw(RUNNING), stale=draw(st.booleans())))
    return tuple(members)


def known(member: Sighting[Any]) -> MemberState | None:
    return member.report.state if member.report else None


@given(clusters())
def test_what_it_never_does(seen: tuple[Sighting[Any], ...]) -> None:
    decision = tend(seen)
    states = {member.member: known(member) for member in seen}
    founding = founders(decision)
    assert len(founding) <= 1
    restarts = [action for action in decision.actions if action.verb is Verb.RESTART]
    assert len(restarts) <= 1
    assert not [action for action in decision.actions if states[action.member] is None], "it touched the unknown"
    assert not [action for action in decision.actions if action.verb is Verb.STOP]
    for action in decision.actions:
        assert action.because
    if restarts and not founding:
        others = [m for m in seen if m.member != restarts[0].member]
        assert all(m.report and m.report.health is Health.HEALTHY for m in others)
    if founding:
        check_founding(founding[0], states)


def check_founding(name: str, states: dict[str, MemberState | None]) -> None:
    told = [state for state in states.values() if state is not None]
    assert len(told) == len(states), "somebody is unknown"
    assert not any(state.primary or state.bootstrapping for state in told)
    source = states[name]
    assert source is not None
    assert not source.arbiter
    data = [state for state in told if not state.arbiter]
    if any(state.holds == "data" for state in data):
        assert source.holds == "data"
        assert source.position is not None
        for state in data:
            assert state.holds != "data" or state.position is not None
            assert state.position is None or state.position.seqno <= source.position.seqno
    else:
        assert all(state.holds == "nothing" for state in data)


@given(clusters())
def test_it_is_settled_only_when_all_is_well(seen: tuple[Sighting[Any], ...]) -> None:
    if tend(seen).settled:
        assert all(known(member) is not None and not member.stale for member in seen)
        assert all(member.report and member.report.health is Health.HEALTHY for member in seen)
        assert not any(state.accounts_outdated for member in seen if (state := known(member)))


def test_a_report_without_a_state_is_unknown() -> None:
    report: Report[MemberState] = Report(Health.UNKNOWN, "the probe did not end in time")
    decision = tend((Sighting("east-galera-1", 1, Running.ACTIVE, stale=False, report=report),))
    assert decision == Decision(waiting_on=("east-galera-1: the probe did not end in time",))
