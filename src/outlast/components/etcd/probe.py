"""Reads what the probe program on the machine printed: where one member of etcd stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError

from outlast.contract.probe import Health, Output, Report


@dataclass(frozen=True, slots=True)
class MemberState:
    """What the steward must know of one member.

    `majority`: it answers, and a majority stands behind it. `leads`: that majority follows it. `members` are the ids
    that a majority lists, empty when none answered here. `cluster` and `member` are ids from its own log; `committed`
    says up to which entry of the log it knows to be agreed. None: there is none, or `unknown_because` says why.
    `alive_for` is in seconds, None when it is not alive. `asked`: what it was asked to found and has not founded yet,
    `new` or `anew`.
    """

    majority: bool = False
    leads: bool = False
    members: tuple[str, ...] = ()
    holds: str = "nothing"
    cluster: str = ""
    member: str = ""
    committed: int | None = None
    unknown_because: str = ""
    alive_for: float | None = None
    asked: str = ""


class _Header(BaseModel):
    member_id: int


class _Status(BaseModel):
    """Of `endpoint status`, which the member answers alone. No leader: etcd leaves the field out."""

    header: _Header
    leader: int = 0


class _Read(BaseModel):
    """Of `endpoint health`, which reads through the majority."""

    health: bool
    took: str = ""
    error: str = ""


class _Facts(BaseModel):
    """What templates/usr/lib/outlast/etcd/probe.py prints."""

    alive_for: float | None
    asked: Literal["", "new", "anew"]
    holds: Literal["nothing", "data"]
    cluster: str
    member: str
    committed: int | None
    unknown: str
    status: _Status | None
    health: _Read | None
    members: tuple[str, ...] | None


def parse(output: Output) -> Report[MemberState]:
    """Healthy when the member answers and a majority agrees to a read; what cannot be read is unknown, never dead."""
    if output.returncode != 0:
        last = next(iter(output.stderr.strip().splitlines()[-1:]), f"it exited with {output.returncode}")
        late = output.returncode == 124
        return Report(Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {last}")
    try:
        facts = _Facts.model_validate_json(output.stdout)
    except ValidationError:
        return Report(Health.UNKNOWN, "the probe printed something else than its facts")
    status, read = facts.status, facts.health
    majority = bool(status and status.leader and read and read.health)
    leads = bool(status and status.leader == status.header.member_id)
    state = MemberState(
        majority=majority,
        leads=majority and leads,
        members=(facts.members or ()) if majority else (),
        holds=facts.holds,
        cluster=facts.cluster,
        member=facts.member,
        committed=facts.committed,
        unknown_because=facts.unknown,
        alive_for=facts.alive_for,
        # A request to one that founds already is still there for a moment.
        asked="" if majority else facts.asked,
    )
    role = "" if not status or not status.leader else "leader" if leads else "follower"
    if majority and read:
        said = f"{role}, and a majority agrees to a read in {_took(read.took)}"
        return Report(Health.HEALTHY, said, role=role, state=state)
    return Report(Health.UNHEALTHY, _trouble(facts), role=role, state=state)


def _trouble(facts: _Facts) -> str:
    if facts.alive_for is None:
        return "etcd does not run"
    if facts.status and not facts.status.leader:
        return "answers, but there is no leader: a majority of members is missing"
    if facts.status:
        error = f": {facts.health.error}" if facts.health and facts.health.error else ""
        return f"answers, but no majority agrees to a read{error}"
    if facts.asked:
        return "etcd founds the cluster"
    if facts.holds == "nothing":
        return "holds no data, and waits for a majority that it can join"
    return facts.unknown or "etcd starts, or waits for a majority of the members"


def _took(text: str) -> str:
    """Go's notation of a duration (`2.78041ms`), without the digits that nobody reads; other units as they are."""
    try:
        return f"{max(1, round(float(text.removesuffix('ms'))))} ms" if text.endswith("ms") else text
    except ValueError:
        return text
