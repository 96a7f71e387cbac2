"""The rules by which the cluster is started, mended and changed: one careful step at a time. Pure.

A primary component that exists always wins. Without one, a new cluster is founded once, by the member that has
committed most, and only when that is known of every member.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from outlast.components.galera.probe import MemberState
from outlast.contract.steward import Action, Decision, Seen, Sighting, Verb, see, silences

# Members that live and have lost each other unite by themselves within seconds of the mended link, or of the start
# after a power loss. Founding a new cluster is for when they do not: they get this many seconds first.
PATIENCE = 10.0
# How long a member that holds data may be on its way into the cluster, in seconds.
JOINING = 60.0
REQUEST_BOOTSTRAP = (
    "sh",
    "-e",
    "-c",
    # A file in memory that the next start takes away; without it every start only joins.
    "install -d -o mysql -g mysql -m 0755 /run/outlast-galera\n"
    "install -o mysql -g mysql -m 0600 /dev/null /run/outlast-galera/bootstrap\n",
)
ACCOUNTS = ("/usr/bin/python3", "-B", "/usr/lib/outlast/galera/accounts.py")
_Member: TypeAlias = Seen[MemberState]


def tend(sightings: tuple[Sighting[Any], ...]) -> Decision:
    """What is safe now. Settled when every member serves, on its newest files, with the newest accounts."""
    seen: list[_Member] = [s for s in map(see, sightings) if s is not None]
    silent = silences(sightings)
    data = [s for s in seen if not s.state.arbiter]
    clusters = {s.state.position.uuid for s in data if s.state.primary and s.state.position}
    if len(clusters) > 1:
        names = ", ".join(s.name for s in data if s.state.primary)
        return Decision(waiting_on=(f"the owner: {names} are in different clusters, and only a person may choose one",))
    if any(s.state.primary for s in data):
        return _with_primary(seen, data, silent)
    founder = next((s for s in data if s.state.bootstrapping), None)
    if founder:
        # The others are started when it serves. With TLS, a member that connects in the very moment in which another
        # one begins to listen can hang there until it gives up, after 30 s (seen with Galera 26.4.23).
        waiting = (f"{founder.name} to found the cluster", *silent)
        return Decision(_starts([founder], "it was asked to found the cluster"), waiting)
    return _without_primary(data, silent, unseen_data=_may_hold_data(sightings))


def _may_hold_data(sightings: Iterable[Sighting[MemberState]]) -> bool:
    """Whether somebody is silent: it may hold data, or be in a primary component."""
    return any(see(sighting) is None for sighting in sightings)


def _starts(seen: list[_Member], because: str) -> tuple[Action, ...]:
    """Start whoever is stopped. Always safe: no member founds a cluster by itself."""
    return tuple(Action(Verb.START, s.name, because) for s in seen if s.stopped)


# -- a primary component exists ---------------------------------------------------------------------------------


def _with_primary(seen: list[_Member], data: list[_Member], silent: tuple[str, ...]) -> Decision:
    later = _copied_later(data)
    starts = _starts([s for s in seen if s not in later], "the cluster runs without it, and it joins it")
    ill = tuple(f"{s.name}: {s.because}" for s in seen if not s.healthy and not s.stopped)
    waiting = (*ill, *(f"{s.name} to get its copy after them" for s in later), *silent)
    if starts:
        return Decision(starts, waiting)
    accounts = _accounts(data)
    if not accounts.settled:
        return Decision(accounts.actions, (*accounts.waiting_on, *waiting))
    return _restart_one(seen, silent, waiting)


def _copied_later(data: list[_Member]) -> list[_Member]:
    """Those without data are started one at a time, when nobody else is about to join. Their copy would come from a
    member that has just joined, has seen no change of the group yet, and gives a useless one (Galera 26.4.23)."""
    empty = [s for s in data if s.stopped and s.state.holds != "data"]
    return empty if any(map(_is_joining, data)) else empty[1:]


def _is_joining(member: _Member) -> bool:
    if member.stopped:
        return member.state.holds == "data"
    # A full copy takes as long as it takes. Whoever has data and does not get in by then is ill, and delays nobody.
    tries = member.state.holds != "data" or (member.state.alone or 0.0) < JOINING
    return tries and not member.state.synced


def _accounts(data: list[_Member]) -> Decision:
    """Make the accounts through one member, when the machines agree on what they are."""
    serving = [s for s in data if s.state.synced]
    outdated = [s for s in serving if s.state.accounts_outdated]
    if not outdated:
        return Decision()
    if len({s.state.accounts for s in data}) > 1:
        return Decision(waiting_on=("the same file of accounts on every machine",))
    because = "accounts or passwords of the site differ from those in the database"
    return Decision((Action(Verb.RUN, outdated[0].name, because, ACCOUNTS),))


def _restart_one(seen: list[_Member], silent: tuple[str, ...], waiting: tuple[str, ...]) -> Decision:
    """The next member whose files changed, while all others are well: the last first, because the first is the one
    that is written to unless something happened."""
    stale = sorted((s for s in seen if s.sighting.stale), key=lambda s: -s.sighting.index)
    # A member that is ill goes first: it may be ill of its old files, and nobody else can be touched before.
    stale.sort(key=lambda s: s.healthy)
    if not stale or silent:
        return Decision(waiting_on=waiting)
    chosen = stale[0]
    if not all(s.healthy for s in seen if s is not chosen):
        return Decision(waiting_on=waiting)
    action = Action(Verb.RESTART, chosen.name, "its files changed, and all others are healthy")
    return Decision((action,), tuple(f"{s.name} to be restarted after it" for s in stale[1:]))


# -- nobody is in a primary component ---------------------------------------------------------------------------


def _without_primary(data: list[_Member], silent: tuple[str, ...], *, unseen_data: bool) -> Decision:
    """Found the cluster from the right member, or wait for what must be known first."""
    unknown = tuple(
        f"{s.name}: {s.state.unknown_because or 'its position is not known'}"
        for s in data
        if s.state.holds == "data" and s.state.position is None
    )
    if unseen_data or unknown or not data:
        lost = [s for s in data if s.stopped and s.state.holds == "data" and s.state.position is None]
        starts = _starts(lost, "it finds out its position when it starts, and then waits for a cluster to join")
        return Decision(starts, (*unknown, *silent) or ("a member that holds data",))
    holders = [s for s in data if s.state.holds == "data"]
    if not holders:
        return _first_start(data)
    histories = {s.state.position.uuid for s in holders if s.state.position}
    if len(histories) > 1:
        names = ", ".join(s.name for s in holders)
        return Decision(waiting_on=(f"the owner: {names} hold different histories, and only a person may choose one",))
    hoping = tuple(
        f"{s.name}: alive, and gets {PATIENCE:.0f} s to find the others by itself"
        for s in data
        if s.state.alone is not None and s.state.alone < PATIENCE
    )
    if hoping and len(holders) > 1:
        return Decision(waiting_on=hoping)
    source = max(holders, key=lambda s: (_seqno(s), -s.sighting.index))
    because = (
        f"no member serves, and of all {len(data)} it has committed most (up to {_seqno(source)})"
        if len(data) > 1
        else "no member serves, and it is the only one"
    )
    return Decision(_found(source, because))


def _first_start(data: list[_Member]) -> Decision:
    broken = [s.name for s in data if s.state.holds != "nothing"]
    if broken:
        what = f"the owner: no member holds a complete copy ({', '.join(broken)} began one); restore a backup"
        return Decision(waiting_on=(what,))
    first = min(data, key=lambda s: s.sighting.index)
    return Decision(_found(first, "the database is new: no member holds any data"))


def _found(source: _Member, because: str) -> tuple[Action, ...]:
    """Ask `source` to found the cluster: the request, and the start that takes it."""
    verb = Verb.START if source.stopped else Verb.RESTART
    request = Action(Verb.RUN, source.name, because, REQUEST_BOOTSTRAP)
    return (request, Action(verb, source.name, f"it founds the cluster: {because}"))


def _seqno(member: _Member) -> int:
    position = cast(Any, member.state.position)
    return int(position.seqno) if position else -1
