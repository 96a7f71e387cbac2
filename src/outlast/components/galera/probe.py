"""Reads what the probe program on the machine printed: where one member of the database stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from outlast.contract.probe import Health, Output, Report

# Who has given a copy serves on while it catches up (JOINED); a newcomer is not ready for clients before he is synced.
DONOR, JOINED, SYNCED = "2", "3", "4"
# Lines of /proc/net/tcp: `sl local_address rem_address st`, addresses as hexadecimal, state 01 is ESTABLISHED.
ARBITER_SCRIPT = """
port=$(printf %04X "$1")
links=$(awk -v port="$port" '$4 == "01" && ($2 ~ ":" port "$" || $3 ~ ":" port "$")' /proc/net/tcp | wc -l)
state=$(systemctl show outlast-galera-arbiter.service --property ActiveState --value)
printf '{"arbiter": {"state": "%s", "links": %s}}\\n' "$state" "$links"
"""


@dataclass(frozen=True, slots=True)
class Position:
    """The last transaction that a member has committed. Sequence numbers compare within one history (`uuid`) only."""

    uuid: str
    seqno: int


@dataclass(frozen=True, slots=True)
class MemberState:
    """What the steward must know of one member.

    `holds` is `nothing`, `data` or `incomplete` (a copy that never was finished). `position` None: `unknown_because`
    says why, or there is none to know. `alone` is for how many seconds it has been alive without a primary component,
    None when it is not alive. `accounts` names what its machine wants; `accounts_outdated` is None while nobody knows.
    """

    arbiter: bool = False
    answers: bool = False
    primary: bool = False
    synced: bool = False
    bootstrapping: bool = False
    holds: str = "nothing"
    position: Position | None = None
    unknown_because: str = ""
    alone: float | None = None
    accounts: str = ""
    accounts_outdated: bool | None = None


def probe(group_port: int) -> tuple[str, ...]:
    """argv for the arbiter: whether garbd runs, and to how many members it has a connection."""
    return ("sh", "-c", ARBITER_SCRIPT, "probe", str(group_port))


def parse(output: Output) -> Report[MemberState]:
    """Healthy when the member is synced with a primary component; what cannot be read is unknown, never dead."""
    if output.returncode != 0:
        last = next(iter(output.stderr.strip().splitlines()[-1:]), f"it exited with {output.returncode}")
        late = output.returncode == 124
        return Report(Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {last}")
    try:
        facts = _PRINTED.validate_json(output.stdout)
    except ValidationError:
        return Report(Health.UNKNOWN, "the probe printed something else than its facts")
    return _member(facts) if isinstance(facts, _Facts) else _arbiter(facts.arbiter)


class _Arbiter(BaseModel):
    state: str
    links: int


class _Accounts(BaseModel):
    wanted: str
    applied: str | None


class _Facts(BaseModel):
    """What templates/usr/lib/outlast/galera/probe.py prints."""

    alive: bool
    holds: Literal["nothing", "data", "incomplete"]
    position: str | None
    position_unknown: str
    bootstrapping: bool
    without_primary: float | None
    status: dict[str, str] | None
    error: str
    accounts: _Accounts


class _Vote(BaseModel):
    """What the arbiter's script prints."""

    arbiter: _Arbiter


_PRINTED: TypeAdapter[_Facts | _Vote] = TypeAdapter(_Facts | _Vote)


def _arbiter(facts: _Arbiter) -> Report[MemberState]:
    state = MemberState(arbiter=True)
    if facts.state != "active":
        return Report(Health.UNHEALTHY, "the arbiter does not run", role="arbiter", state=state)
    if not facts.links:
        return Report(Health.UNHEALTHY, "the arbiter reaches no member", role="arbiter", state=state)
    return Report(Health.HEALTHY, f"votes, with {facts.links} connections to members", role="arbiter", state=state)


def _member(facts: _Facts) -> Report[MemberState]:
    status = facts.status or {}
    primary = status.get("wsrep_cluster_status") == "Primary"
    donor = status.get("wsrep_local_state") == DONOR
    serves = (
        primary and status.get("wsrep_ready") == "ON" and status.get("wsrep_local_state") in (DONOR, JOINED, SYNCED)
    )
    accounts = facts.accounts
    state = MemberState(
        answers=facts.status is not None,
        primary=primary,
        synced=serves,
        bootstrapping=facts.bootstrapping,
        holds=facts.holds,
        position=_position(facts.position),
        unknown_because=facts.position_unknown,
        alone=facts.without_primary,
        accounts=accounts.wanted,
        accounts_outdated=None if accounts.applied is None else accounts.applied != accounts.wanted,
    )
    if serves:
        doing = ", copies the database to another one" if donor else ""
        said = f"synced, one of {status.get('wsrep_cluster_size', '?')} voting members{doing}"
        return Report(Health.HEALTHY, said, role="donor" if donor else "", state=state)
    return Report(Health.UNHEALTHY, _trouble(facts, status, primary), role="joiner" if primary else "", state=state)


def _position(text: str | None) -> Position | None:
    uuid, _, seqno = (text or "").rpartition(":")
    return Position(uuid, int(seqno)) if uuid and seqno.lstrip("-").isdecimal() else None


def _trouble(facts: _Facts, status: dict[str, str], primary: bool) -> str:
    if primary:
        return f"in the primary component, not synced yet ({status.get('wsrep_local_state_comment')})"
    if status:
        return f"answers, but is not in a primary component ({status.get('wsrep_cluster_status')})"
    if not facts.alive:
        return "MariaDB does not run"
    if facts.bootstrapping:
        return "MariaDB founds the cluster"
    if facts.position_unknown:
        return f"MariaDB does not serve: {facts.position_unknown}"
    return "MariaDB waits for a cluster to join, or copies its data"
