"""The rules by which etcd is founded, mended and changed: one careful step at a time. Pure.

A majority that answers always wins. Without one, what holds data is started, and unites by itself. A cluster is founded
only when every member is known: by all together when all are empty, and anew by one, from its data, when so many lost
theirs that no majority can come back.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from outlast.components.etcd.probe import MemberState
from outlast.contract.steward import Action, Decision, Seen, Sighting, Verb, see, silences

# A member that was just started reads its data and is elected, or elects, within seconds (`election-timeout` is 2 s).
# It gets so many before the rest of its cluster is taken for lost.
PATIENCE = 10.0
NEW, ANEW = "new", "anew"


def _request(what: str) -> tuple[str, ...]:
    # A file in memory that the next start takes away; without it every start joins, or goes on with its data.
    script = (
        "install -d -o etcd -g etcd -m 0755 /run/outlast-etcd\n"
        f"echo {what} > /run/outlast-etcd/found.new\n"
        "mv /run/outlast-etcd/found.new /run/outlast-etcd/found\n"
    )
    return ("sh", "-e", "-c", script)


FOUND_NEW = _request(NEW)
FOUND_ANEW = _request(ANEW)
LEAVE = ("/usr/bin/python3", "-B", "/usr/lib/outlast/etcd/leave.py")
_Member: TypeAlias = Seen[MemberState]


def tend(sightings: tuple[Sighting[Any], ...]) -> Decision:
    """What is safe now. Settled when every member answers with a majority behind it, on its newest files."""
    seen: list[_Member] = [s for s in map(see, sightings) if s is not None]
    silent = silences(sightings)
    serving = [s for s in seen if s.state.majority]
    if len({s.state.cluster for s in serving}) > 1:
        names = ", ".join(s.name for s in serving)
        return Decision(waiting_on=(f"the owner: {names} are in different clusters, and only a person may choose one",))
    if serving:
        return _with_majority(seen, serving, silent)
    return _without_majority(seen, silent)


# -- a majority answers -----------------------------------------------------------------------------------------


def _with_majority(seen: list[_Member], serving: list[_Member], silent: tuple[str, ...]) -> Decision:
    ill = tuple(f"{s.name}: {s.because}" for s in seen if not s.healthy and not s.stopped)
    waiting = (*ill, *silent)
    known = {member for s in serving for member in s.state.members}
    unknown = [s for s in seen if known and s.state.holds == "data" and s.state.member and s.state.member not in known]
    went_on = ", ".join(s.name for s in serving)
    starts = tuple(
        Action(Verb.START, s.name, f"the cluster runs without it ({went_on} went on with the data), and it joins it")
        for s in seen
        if s.stopped and s not in unknown
    )
    leaves = [action for s in unknown for action in _leave(s)]
    if starts or leaves:
        return Decision((*starts, *leaves), waiting)
    return _restart_one(seen, silent, waiting)


def _leave(member: _Member) -> tuple[Action, ...]:
    """Its data is of a past in which it was a member: set it aside, then it joins as any other without data."""
    because = "the cluster went on without it and knows it no longer: its data is set aside, and it joins anew"
    return (
        Action(Verb.STOP, member.name, because),
        Action(Verb.RUN, member.name, because, LEAVE),
        Action(Verb.START, member.name, because),
    )


def _restart_one(seen: list[_Member], silent: tuple[str, ...], waiting: tuple[str, ...]) -> Decision:
    """The next member whose files changed, while all others are well: one that is ill first, because it may be ill of
    its old files, and the leader last, because its restart is an election."""
    stale = sorted((s for s in seen if s.sighting.stale), key=lambda s: (s.healthy, s.state.leads, -s.sighting.index))
    if not stale or silent:
        return Decision(waiting_on=waiting)
    chosen = stale[0]
    if not all(s.healthy for s in seen if s is not chosen):
        return Decision(waiting_on=waiting)
    action = Action(Verb.RESTART, chosen.name, "its files changed, and all others are healthy")
    return Decision((action,), tuple(f"{s.name} to be restarted after it" for s in stale[1:]))


# -- no majority answers ----------------------------------------------------------------------------------------


def _without_majority(seen: list[_Member], silent: tuple[str, ...]) -> Decision:
    """Start what holds data, and found the cluster only when nobody is left who could hold more."""
    holders = [s for s in seen if s.state.holds == "data"]
    starts = _starts(seen, holders)
    if starts:
        return Decision(starts, silent)
    if silent:
        return Decision(waiting_on=silent)
    # Data that a member got since it was asked is of this very founding: the others may still take part in it.
    if all(s.state.asked == NEW for s in holders):
        return _found_new(seen)
    founding = tuple(f"{s.name} to found the cluster" for s in seen if s.state.asked)
    if founding:
        return Decision(waiting_on=founding)
    unknown = tuple(f"{s.name}: {s.state.unknown_because}" for s in holders if s.state.committed is None)
    if unknown:
        return Decision(waiting_on=unknown)
    if len({s.state.cluster for s in holders}) > 1:
        names = ", ".join(s.name for s in holders)
        return Decision(waiting_on=(f"the owner: {names} hold different clusters, and only a person may choose one",))
    if len(holders) * 2 > len(seen):
        names = ", ".join(s.name for s in holders)
        return Decision(waiting_on=(f"{names} to find each other: they hold data and are a majority",))
    hoping = tuple(
        f"{s.name}: gets {PATIENCE:.0f} s after its start to find its majority by itself"
        for s in holders
        if s.state.alive_for is None or s.state.alive_for < PATIENCE
    )
    return Decision(waiting_on=hoping) if hoping else _found_anew(seen, holders)


def _starts(seen: list[_Member], holders: list[_Member]) -> tuple[Action, ...]:
    """What is safe whoever is silent: a start with data founds nothing, and neither does a restart for new files."""
    stopped = tuple(
        Action(Verb.START, s.name, "it holds data, and goes on with it as soon as a majority is there")
        for s in holders
        if s.stopped
    )
    stale = tuple(
        Action(Verb.RESTART, s.name, "its files changed, and it serves nobody")
        for s in holders
        if s.sighting.stale and not s.stopped and not s.state.asked
    )
    # Asked already, by a command that died before it could start it.
    asked = tuple(
        Action(Verb.START, s.name, "it was asked to found the cluster")
        for s in seen
        if s.state.asked and s.stopped and s not in holders
    )
    return (*stopped, *stale, *asked)


def _found_new(seen: list[_Member]) -> Decision:
    """All of them together: etcd's first start needs a majority of the members that it is told of."""
    because = "the cluster is new: no member holds any data"
    together = f"it founds the cluster with all others: {because}"
    actions = [
        action
        for s in seen
        if not s.state.asked
        for action in (
            Action(Verb.RUN, s.name, because, FOUND_NEW),
            Action(Verb.START if s.stopped else Verb.RESTART, s.name, together),
        )
    ]
    founding = tuple(f"{s.name} to found the cluster with the others" for s in seen if s.state.asked)
    return Decision(tuple(actions), founding)


def _found_anew(seen: list[_Member], holders: list[_Member]) -> Decision:
    source = max(holders, key=lambda s: (s.state.committed or 0, -s.sighting.index))
    empty = ", ".join(s.name for s in seen if s not in holders)
    because = (
        f"no majority can come back: {empty} lost their data; of those that hold data it knows most agreed, up to "
        f"entry {source.state.committed} of the log, and what only the lost ones knew is lost"
    )
    return Decision(
        (
            Action(Verb.RUN, source.name, because, FOUND_ANEW),
            Action(Verb.RESTART, source.name, f"it founds the cluster anew from its data: {because}"),
        )
    )
